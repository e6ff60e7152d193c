using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Imap;

/// <summary>AUTHENTICATE (RFC 9051 §6.2.2) with an initial response (RFC 4959). The mechanisms are the directory's.</summary>
/// <param name="Initial">Decoded; null when the client waits for the first challenge.</param>
internal sealed record AuthenticateCommand(string Mechanism, byte[]? Initial) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        byte[]? initial = null;
        if (!(r.ExpectSpace() && r.ExpectAtom(64, "mechanism", out var mechanism))) return false;
        if (r.TrySpace())
        {
            // RFC 4959 §3: "=" is an initial response of no octets.
            if (r.TryByte((byte)'=')) initial = [];
            else if (!r.ExpectRun(ByteClass.Base64, Base64.GetMaxEncodedToUtf8Length(SaslExchange.ResponseBytesMax), "initial response", out var run))
                return false;
            else if (!TryDecode(run, out initial)) return r.Missing("base64");
        }
        if (!r.ExpectEnd()) return false;
        command = new AuthenticateCommand(mechanism, initial);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (!session.AcceptsPasswords) return Reply.No("a password needs an encrypted connection", "PRIVACYREQUIRED");
        if (session.Server.Authenticator.Start(Mechanism, session.LoginContext) is not { } exchange)
        {
            return Reply.No("the mechanism is not offered", "CANNOT");
        }
        var step = Initial is null ? await exchange.BeginAsync(ct) : await exchange.StepAsync(Initial, ct);
        if (Initial is not null) CryptographicOperations.ZeroMemory(Initial);
        while (step.State == SaslState.Challenge)
        {
            if (!await ChallengeAsync(session, step.Challenge, ct)) return Reply.Gone;
            var line = await session.Connection.Reader.ReadLineAsync(CancellationToken.None);
            if (!line.Ok) return line.Status == Wire.ReadStatus.TooLong ? Malformed : Reply.Gone;
            if (line.Line is { Length: 1, FirstSpan: [(byte)'*'] }) return Reply.Bad("cancelled"); // RFC 9051 §6.2.2
            if (!TryDecode(line.Line, out var answer)) return Malformed;
            step = await exchange.StepAsync(answer, ct);
            CryptographicOperations.ZeroMemory(answer);
        }
        if (step.State != SaslState.Complete) return Malformed;
        if (!step.Outcome.TryGet(out var identity)) return session.LoginFailed(step.Outcome.Refusal!);
        session.LoggedIn(identity);
        return Reply.Ok("authenticated", "CAPABILITY " + Capabilities.Of(session));
    }

    /// <summary>Without the response.</summary>
    public override string ToString() => $"AUTHENTICATE {Mechanism}";

    private static Reply Malformed => Reply.Bad("the response does not follow the mechanism");

    private static async ValueTask<bool> ChallengeAsync(ImapSession session, ReadOnlyMemory<byte> challenge, CancellationToken ct)
    {
        var w = session.Connection.Write();
        w.Raw("+ "u8);
        w.Base64(challenge.Span);
        w.CrLf();
        w.Commit();
        return await session.Connection.FlushAsync(ct);
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
