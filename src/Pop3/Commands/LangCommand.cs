using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>LANG (RFC 6856 §3.2). The replies are in English, and that is what a client may choose.</summary>
/// <param name="Range">Null for the question which languages there are.</param>
internal sealed record LangCommand(string? Range) : Command
{
    private const string Tag = "en";

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        string? range = null;
        if (r.TryArgument() && !r.ExpectLanguageRange(out range)) return false;
        if (!r.ExpectCommandEnd()) return false;
        command = new LangCommand(range);
        return true;
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        if (Range is not null) return new(IsEnglish(Range) ? Reply.Ok($"{Tag} English it is") : Reply.Error("there is no such language here"));
        session.Write(Reply.Ok("the languages"));
        var w = session.Connection.Write();
        w.Raw("en English\r\n.\r\n"u8);
        w.Commit();
        return new(Reply.Said);
    }

    // RFC 4647 §3.4: a range that names more than we have is shortened until it fits.
    private static bool IsEnglish(string range) =>
        range == "*" || range.Equals(Tag, StringComparison.OrdinalIgnoreCase) || range.StartsWith(Tag + "-", StringComparison.OrdinalIgnoreCase);
}
