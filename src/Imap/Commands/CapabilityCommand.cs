using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>CAPABILITY (RFC 9051 §6.1.1).</summary>
internal sealed record CapabilityCommand : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new CapabilityCommand();
        return r.ExpectEnd();
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var w = session.Connection.Write();
        w.Raw("* CAPABILITY "u8);
        w.Text(Capabilities.Of(session));
        w.CrLf();
        w.Commit();
        return new(Reply.Ok("CAPABILITY completed"));
    }
}
