using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>
/// A condition on what was found out of a message's origin, as <c>dmarc=fail</c>: a method, <c>=</c> or <c>!=</c>, a result. The methods are
/// <c>spf</c>, <c>dkim</c> (pass when one signature passes), <c>dmarc</c>, <c>arc</c>, <c>iprev</c> and <c>bimi</c> with the words of RFC 8601 §2.7,
/// and <c>from</c> with what is odd about the author: <c>several-addresses</c>, <c>group</c>, <c>name-looks-like-address</c>, <c>missing</c>.
/// </summary>
public sealed record VerdictCondition
{
    private const string Author = "from";

    private static readonly string[] Methods = ["spf", "dkim", "dmarc", "arc", "iprev", "bimi"];

    private static readonly string[] Results = [.. Enum.GetValues<AuthResult>().Select(static result => result.Keyword())];

    private static readonly (string Word, FromOddities Oddity)[] Oddities =
    [
        .. Enum.GetValues<FromOddities>().Where(static one => one != FromOddities.None)
            .Select(static one => (JsonNamingPolicy.KebabCaseLower.ConvertName(one.ToString()), one)),
    ];

    private VerdictCondition(string method, bool isNot, string result) => (Method, IsNot, Result) = (method, isNot, result);

    public string Method { get; }

    public bool IsNot { get; }

    public string Result { get; }

    public static bool TryParse(string text, [NotNullWhen(true)] out VerdictCondition? condition)
    {
        condition = null;
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 1) return false;
        var isNot = text[equals - 1] == '!';
        var method = text[..(isNot ? equals - 1 : equals)];
        var result = text[(equals + 1)..];
        var isKnown = method == Author ? Oddities.Any(one => one.Word == result) : Methods.Contains(method) && Results.Contains(result);
        if (isKnown) condition = new VerdictCondition(method, isNot, result);
        return isKnown;
    }

    internal bool Holds(MailVerdicts verdicts) => Is(verdicts) != IsNot;

    /// <summary>As it is written.</summary>
    public override string ToString() => $"{Method}{(IsNot ? "!=" : "=")}{Result}";

    private bool Is(MailVerdicts verdicts) => Method == Author
        ? verdicts.From is { } from && from.Oddities.HasFlag(Oddities.First(one => one.Word == Result).Oddity)
        : ResultOf(verdicts).Keyword() == Result;

    private AuthResult ResultOf(MailVerdicts verdicts) => Method switch
    {
        "spf" => verdicts.Spf is [.., var spf] ? spf.Result : AuthResult.None,
        "dkim" => verdicts.Dkim.Any(static one => one.Result == AuthResult.Pass) ? AuthResult.Pass
            : verdicts.Dkim is [var first, ..] ? first.Result : AuthResult.None,
        "dmarc" => verdicts.Dmarc?.Result ?? AuthResult.None,
        "arc" => verdicts.Arc?.Result ?? AuthResult.None,
        "iprev" => verdicts.Iprev?.Result ?? AuthResult.None,
        _ => verdicts.Bimi?.Result ?? AuthResult.None,
    };
}
