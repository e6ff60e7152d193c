using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>STARTTLS (RFC 3207 §4). Wire sends the go-ahead, because it must drop what was pipelined behind the command.</summary>
internal sealed record StartTlsCommand : Command
{
    private static readonly StartTlsCommand Instance = new();
    private static readonly ReadOnlyMemory<byte> GoAhead = "220 2.0.0 begin TLS\r\n"u8.ToArray();

    public static string? Keyword(SmtpSession session) => session.CanStartTls ? "STARTTLS" : null;

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (session.Connection.IsTls) return new Reply(503, "5.5.1", "TLS is active already");
        if (session.Server.Tls is not { } tls) return new Reply(502, "5.5.1", "TLS is not offered here");
        var outcome = await session.Connection.UpgradeToTlsAsync(tls, GoAhead, ct);
        if (outcome.Ok)
        {
            session.Forget();
            return Reply.Said;
        }
        Log.TlsFailed(session.Server.Log, session.Connection.SessionId, outcome.Failure);
        return Reply.Gone;
    }
}
