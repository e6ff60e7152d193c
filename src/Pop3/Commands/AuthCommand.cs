using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Wire;

namespace Posthorn.Pop3;

/// <summary>AUTH (RFC 5034 §4) with an initial response. The mechanisms are the directory's.</summary>
/// <param name="Mechanism">Null for the question which there are, as clients older than CAPA ask it.</param>
/// <param name="Initial">As it was sent; null when the client waits for the first challenge.</param>
internal sealed record AuthCommand(string? Mechanism, byte[]? Initial) : Command
{
    private const int MechanismOctetsMax = 20; // RFC 4422 §3.1

    // RFC 4422 §3.1 sasl-mech.
    private static readonly SearchValues<byte> MechanismBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"u8);

    // Whatever could be meant as base64: what is wrong with it is told with a sentence of its own.
    private static readonly SearchValues<byte> ResponseBytes = SearchValues.Create([.. Enumerable.Range(0x21, 0x5E).Select(b => (byte)b)]);

    public static string? Capability(Pop3Session session) => session.AcceptsPasswords
        ? "SASL " + string.Join(' ', session.Server.Authenticator.Mechanisms(session.LoginContext))
        : null;

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        string? mechanism = null;
        byte[]? initial = null;
        if (r.TryArgument())
        {
            if (!r.ExpectText(MechanismBytes, MechanismOctetsMax, "mechanism", out mechanism)) return false;
            if (r.TryArgument())
            {
                if (!r.ExpectRun(ResponseBytes, Pop3Limits.LineOctetsMax, "initial response", out var run)) return false;
                initial = run.ToArray();
            }
        }
        if (!r.ExpectCommandEnd()) return false;
        command = new AuthCommand(mechanism, initial);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        if (!session.AcceptsPasswords) return Replies.NeedsTls;
        if (Mechanism is null) return ListMechanisms(session);
        if (session.Server.Authenticator.Start(Mechanism, session.LoginContext) is not { } exchange)
        {
            return Reply.Error("the mechanism is not offered");
        }
        if (Initial is null) return await GoOnAsync(session, exchange, await exchange.BeginAsync(ct), ct);
        var response = DecodeInitial();
        if (response is null) return NotBase64;
        var answer = await exchange.StepAsync(response, ct);
        CryptographicOperations.ZeroMemory(response);
        return await GoOnAsync(session, exchange, answer, ct);
    }

    /// <summary>Without the response.</summary>
    public override string ToString() => $"AUTH {Mechanism}";

    private static Reply NotBase64 => Reply.Misuse("the response is not base64");

    private static Reply ListMechanisms(Pop3Session session)
    {
        session.Write(Reply.Ok("the mechanisms"));
        var w = session.Connection.Write();
        foreach (var mechanism in session.Server.Authenticator.Mechanisms(session.LoginContext))
        {
            w.Text(mechanism);
            w.CrLf();
        }
        w.Raw(".\r\n"u8);
        w.Commit();
        return Reply.Said;
    }

    private static async ValueTask<Reply> GoOnAsync(
        Pop3Session session, SaslConversation exchange, SaslAnswer answer, CancellationToken ct)
    {
        while (answer.State == SaslState.Challenge)
        {
            if (!await ChallengeAsync(session, answer.Challenge, ct)) return Reply.Gone;
            var line = await session.Connection.Reader.ReadLineAsync(CancellationToken.None);
            if (!line.Ok) return Replies.Of(line.Status);
            if (line.Line is { Length: 1, FirstSpan: [(byte)'*'] }) return Reply.Error("cancelled");
            if (!TryDecode(line.Line, out var response)) return NotBase64;
            answer = await exchange.StepAsync(response, ct);
            CryptographicOperations.ZeroMemory(response);
        }
        if (answer.State != SaslState.Complete) return Reply.Misuse("the response does not follow the mechanism");
        return answer.Outcome.TryGet(out var identity) ? await session.EnterAsync(identity, ct) : session.LoginFailed(answer.Outcome.Refusal!);
    }

    // A challenge of no octets is "+ " with its space.
    private static async ValueTask<bool> ChallengeAsync(Pop3Session session, ReadOnlyMemory<byte> challenge, CancellationToken ct)
    {
        var w = session.Connection.Write();
        w.Raw("+ "u8);
        w.Base64(challenge.Span);
        w.CrLf();
        w.Commit();
        return await session.Connection.FlushAsync(ct);
    }

    // "=" is an initial response of no octets.
    private byte[]? DecodeInitial()
    {
        if (Initial is [(byte)'=']) return [];
        var decoded = TryDecode(new ReadOnlySequence<byte>(Initial!), out var octets) ? octets : null;
        CryptographicOperations.ZeroMemory(Initial);
        return decoded;
    }

    private static bool TryDecode(in ReadOnlySequence<byte> encoded, [NotNullWhen(true)] out byte[]? decoded)
    {
        decoded = null;
        var octets = encoded.ToArray();
        // Base64 passes over white space, which the grammar does not have.
        if (octets.Length % 4 != 0 || octets.AsSpan().ContainsAnyExcept(ByteClass.Base64)) return false;
        var status = Base64.DecodeFromUtf8InPlace(octets, out var length);
        if (status == OperationStatus.Done) decoded = octets.AsSpan(0, length).ToArray();
        CryptographicOperations.ZeroMemory(octets);
        return decoded is not null;
    }
}
