using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Posthorn.Trust;

namespace Posthorn.Fuzz;

/// <summary>An SPF record as a domain publishes it.</summary>
/// <remarks>Oracle: the grammar of RFC 7208 §12, written once more as regular expressions, takes the same terms.</remarks>
internal sealed partial class SpfTarget : Target
{
    public override string Name => "spf";

    public override IReadOnlyList<string> Words { get; } =
    [
        "v=spf1", " ", "all", "-all", "~all", "?all", "+", "include:", "a", "a:", "mx", "mx:", "ptr", "ptr:", "ip4:", "ip6:", "exists:", "redirect=",
        "exp=", "/24", "//64", "/0", "/33", "//129", "/08", "192.0.2.1", "2001:db8::1", "::ffff:1.2.3.4", "example.org", ".", "-", "%{d}",
            "%{ir}", "%{L2r.-}",
        "%{h0}", "%{c}", "%{x}", "%%", "%_", "%-", "%", "{", "}", "=", ":", "/", "a.b1", "a.1", "a.x-y", "unknown=", "x_.-=", "\u00E9", "\t",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
        [new("src/Trust/Spf/SpfRecord.cs"), new("src/Trust/Spf/SpfMacroString.cs")];

    /// <summary>The expressions of the oracle build their automata as they go.</summary>
    public override (long Fixed, long PerOctet) Memory => (32 * 1024 * 1024, 64 * 1024);

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.Latin1.GetString(input.Span);
        Explanation(text);
        if (!SpfRecord.IsSpf(text) || text.Length > 2000) return;
        var parsed = SpfRecord.TryParse(text, out var record, out _);
        var terms = text[6..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var modifiers = terms.Where(term => ModifierName().IsMatch(term)).Select(term => term[..term.IndexOf('=')].ToLowerInvariant()).ToList();
        var expected = terms.All(IsTerm) && modifiers.Count(name => name == "redirect") < 2 && modifiers.Count(name => name == "exp") < 2;
        Oracle.Holds(parsed == expected, $"the record is {(expected ? "" : "not ")}one by the grammar: {Oracle.Shown(text)}");
        if (record is null) return;
        Oracle.Same(
            string.Join(' ', terms.Where(term => !ModifierName().IsMatch(term))), string.Join(' ', record.Directives.Select(one => one.Text)),
            "the directives are those that are written, in order");
        Oracle.Holds(record.Redirect is not null == modifiers.Contains("redirect"), "the redirect is the one that is written");
    }

    private static void Explanation(string text) => Oracle.Holds(
        text.Length > 2000 || SpfMacroString.TryParseExplanation(text, out _) == ExplainString().IsMatch(text),
            "an explanation is one by the grammar");

    private static bool IsTerm(string term)
    {
        if (ModifierName().IsMatch(term)) return (RedirectOrExp().IsMatch(term) ? NamedModifier() : Modifier()).IsMatch(term);
        if (Address().Match(term) is not { Success: true } address) return Mechanism().IsMatch(term);
        var four = address.Groups["family"].Value == "4";
        if (four && !DottedQuad().IsMatch(address.Groups["address"].Value)) return false;
        var prefix = address.Groups["prefix"] is { Success: true } written ? int.Parse(written.Value, null) : 0;
        return prefix <= (four ? 32 : 128) && IPAddress.TryParse(address.Groups["address"].Value, out var parsed)
            && parsed.AddressFamily == (four ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6);
    }

    private const string Macro = @"(?:%\{[slodiphvSLODIPHV](?:0*[1-9][0-9]*)?[rR]?[.\-+,/_=]*\}|%%|%_|%-)";
    private const string MacroString = $"(?:{Macro}|[!-$&-~])*";
    private const string TopLabel = "(?:[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])";
    private const string DomainSpec = $@"{MacroString}(?:\.{TopLabel}\.?|{Macro})";
    private const string Four = "(?:/(?:[12]?[0-9]|3[0-2]))?";
    private const string Six = "(?://(?:[1-9]?[0-9]|1[01][0-9]|12[0-8]))?";
    private const RegexOptions Slow = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    [GeneratedRegex($@"\A(?:{Macro}|%\{{[crtCRT](?:0*[1-9][0-9]*)?[rR]?[.\-+,/_=]*\}}|[ !-$&-~])*\z", Slow)]
    private static partial Regex ExplainString();

    [GeneratedRegex(@"\A[^:/=]*=", Slow)]
    private static partial Regex ModifierName();

    [GeneratedRegex(@"\A(?:redirect|exp)=", Slow | RegexOptions.IgnoreCase)]
    private static partial Regex RedirectOrExp();

    [GeneratedRegex($@"\A[A-Za-z]+={DomainSpec}\z", Slow)]
    private static partial Regex NamedModifier();

    [GeneratedRegex($@"\A[A-Za-z][A-Za-z0-9\-_.]*={MacroString}\z", Slow)]
    private static partial Regex Modifier();

    [GeneratedRegex(
        @"\A[+\-?~]?(?:[aA][lL][lL]|"
        + $@"(?:[iI][nN][cC][lL][uU][dD][eE]|[eE][xX][iI][sS][tT][sS]):{DomainSpec}|"
        + $@"[pP][tT][rR](?::{DomainSpec})?|(?:[aA]|[mM][xX])(?::{DomainSpec})?{Four}{Six})\z",
        Slow)]
    private static partial Regex Mechanism();

    [GeneratedRegex(@"\A[+\-?~]?[iI][pP](?<family>[46]):(?<address>[0-9a-fA-F:.]+)(?:/(?<prefix>0|[1-9][0-9]{0,2}))?\z", Slow)]
    private static partial Regex Address();

    [GeneratedRegex(@"\A(?:(?:[1-9]?[0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])\.){3}(?:[1-9]?[0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])\z", Slow)]
    private static partial Regex DottedQuad();
}
