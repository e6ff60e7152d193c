using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>NAMESPACE (RFC 2342 §5): one's own mailboxes stand at the root; there are no others yet.</summary>
internal sealed record NamespaceCommand : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new NamespaceCommand();
        return r.ExpectEnd();
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var w = session.Connection.Write();
        w.Raw("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"u8);
        w.Commit();
        return new(Reply.Ok("NAMESPACE completed"));
    }
}
