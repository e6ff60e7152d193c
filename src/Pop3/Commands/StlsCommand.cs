using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>STLS (RFC 2595 §4). Wire sends the go-ahead, because it must drop what was pipelined behind the command.</summary>
internal sealed record StlsCommand : Command
{
    private static readonly StlsCommand Instance = new();
    private static readonly ReadOnlyMemory<byte> GoAhead = "+OK begin TLS\r\n"u8.ToArray();

    public static string? Capability(Pop3Session session) => session.CanStartTls ? "STLS" : null;

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override async ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        if (session.Connection.IsTls) return Reply.Misuse("TLS is active already");
        if (session.Server.Tls is not { } tls) return Reply.Misuse("TLS is not offered here");
        if (session.Utf8) return Reply.Misuse("STLS comes before UTF8"); // RFC 6856 §2.1
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
