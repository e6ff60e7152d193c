using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>ENABLE (RFC 5161 §3.1). Capabilities that need no enabling, or are not known, are ignored; what was enabled is named.</summary>
internal sealed record EnableCommand : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new EnableCommand();
        do
        {
            if (!(r.ExpectSpace() && r.ExpectAtom(64, "capability", out _))) return false;
        }
        while (!r.End);
        return true;
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var w = session.Connection.Write();
        w.Raw("* ENABLED\r\n"u8);
        w.Commit();
        return new(Reply.Ok("ENABLE completed"));
    }
}
