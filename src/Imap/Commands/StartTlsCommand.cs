using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>STARTTLS (RFC 9051 §6.2.1). Wire sends the go-ahead, because it must drop what was pipelined behind the command.</summary>
internal sealed record StartTlsCommand : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new StartTlsCommand();
        return r.ExpectEnd();
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (session.Connection.IsTls) return Reply.Bad("TLS is active already");
        if (session.Server.Tls is not { } tls) return Reply.No("TLS is not available", "UNAVAILABLE");
        var goAhead = Encoding.ASCII.GetBytes(session.Tag + " OK begin TLS\r\n");
        var outcome = await session.Connection.UpgradeToTlsAsync(tls, goAhead, ct);
        if (outcome.Ok) return Reply.Said;
        Log.TlsFailed(session.Server.Log, session.Connection.SessionId, outcome.Failure);
        return Reply.Gone;
    }
}
