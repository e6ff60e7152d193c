using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Wire;

namespace Posthorn.Smtp;

/// <summary>AUTH (RFC 4954 §4) on a submission port. The mechanisms are the directory's.</summary>
/// <param name="Initial">As it was sent; null when the client waits for the first challenge.</param>
internal sealed record AuthCommand(string Mechanism, byte[]? Initial) : Command
{
    private const int MechanismOctetsMax = 20; // RFC 4422 §3.1

    // RFC 4422 §3.1 sasl-mech.
    private static readonly SearchValues<byte> MechanismBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"u8);

    // Whatever could be meant as base64: what is wrong with it has a code of its own.
    private static readonly SearchValues<byte> ResponseBytes = SearchValues.Create([.. Enumerable.Range(0x21, 0x5E).Select(b => (byte)b)]);

    public static string? Keyword(SmtpSession session) =>
        session.Server.IsSubmission && session.Identity is null && session.AcceptsPasswords
            ? "AUTH " + string.Join(' ', session.Server.Authenticator.Mechanisms(session.LoginContext))
            : null;

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        byte[]? initial = null;
        if (!(r.ExpectSpace() && r.ExpectText(MechanismBytes, MechanismOctetsMax, "mechanism", out var mechanism))) return false;
        if (r.TryParameter())
        {
            if (!r.ExpectRun(ResponseBytes, SmtpLimits.LineOctetsMax, "initial response", out var run)) return false;
            initial = run.ToArray();
        }
        if (!r.ExpectCommandEnd()) return false;
        command = new AuthCommand(mechanism, initial);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (!session.Server.IsSubmission) return new Reply(502, "5.5.1", "log in on the submission port");
        if (session.Identity is not null) return new Reply(503, "5.5.1", "somebody is logged in already");
        if (!session.AcceptsPasswords) return new Reply(538, "5.7.11", "a password needs an encrypted connection");
        if (session.Server.Authenticator.Start(Mechanism, session.LoginContext) is not { } exchange)
        {
            return new Reply(504, "5.5.4", "the mechanism is not offered");
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

    private static Reply NotBase64 => new(501, "5.5.2", "the response is not base64");

    private static async ValueTask<Reply> GoOnAsync(
        SmtpSession session, SaslConversation exchange, SaslAnswer answer, CancellationToken ct)
    {
        while (answer.State == SaslState.Challenge)
        {
            if (!await ChallengeAsync(session, answer.Challenge, ct)) return Reply.Gone;
            var line = await session.Connection.Reader.ReadLineAsync(CancellationToken.None);
            if (line.Status == ReadStatus.TooLong) return new Reply(500, "5.5.6", "the response is too long");
            if (!line.Ok) return Replies.Of(line.Status);
            if (line.Line is { Length: 1, FirstSpan: [(byte)'*'] }) return new Reply(501, "5.7.0", "cancelled");
            if (!TryDecode(line.Line, out var response)) return NotBase64;
            answer = await exchange.StepAsync(response, ct);
            CryptographicOperations.ZeroMemory(response);
        }
        if (answer.State != SaslState.Complete) return new Reply(501, "5.5.2", "the response does not follow the mechanism");
        if (!answer.Outcome.TryGet(out var identity)) return session.LoginFailed(answer.Outcome.Refusal!);
        session.LoggedIn(identity);
        return Replies.LoggedIn;
    }

    // A challenge of no octets is "334 " with its space.
    private static async ValueTask<bool> ChallengeAsync(SmtpSession session, ReadOnlyMemory<byte> challenge, CancellationToken ct)
    {
        var w = session.Connection.Write();
        w.Raw("334 "u8);
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
