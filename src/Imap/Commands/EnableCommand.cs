using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>ENABLE (RFC 5161 §3.1). Capabilities that need no enabling, or are not known, are ignored; what was enabled is named.</summary>
internal sealed record EnableCommand(Extensions Extensions) : Command
{
    private static readonly (Extensions Extension, string Name)[] Names =
    [
        (Extensions.CondStore, "CONDSTORE"), (Extensions.QResync, "QRESYNC"), (Extensions.Rev2, "IMAP4rev2"),
        (Extensions.Utf8, "UTF8=ACCEPT"), (Extensions.UidOnly, "UIDONLY"),
    ];

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var extensions = Extensions.None;
        do
        {
            if (!(r.ExpectSpace() && r.ExpectAtom(64, "capability", out var name))) return false;
            foreach (var (extension, word) in Names)
            {
                if (word.Equals(name, StringComparison.OrdinalIgnoreCase)) extensions |= extension;
            }
        }
        while (!r.End);
        command = new EnableCommand(extensions);
        return true;
    }

    /// <summary>The names of extensions, a space before each.</summary>
    public static string NamesOf(Extensions extensions) =>
        string.Concat(Names.Where(entry => (entry.Extension & extensions) != 0).Select(entry => " " + entry.Name));

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var extensions = Extensions;
        foreach (var (extension, name) in Names)
        {
            if (Capabilities.IsOff(session, name)) extensions &= ~extension;
        }
        session.Enable(extensions);
        var w = session.Connection.Write();
        w.Raw("* ENABLED"u8);
        w.Text(NamesOf(extensions));
        w.CrLf();
        w.Commit();
        return new(Reply.Ok("ENABLE completed"));
    }
}
