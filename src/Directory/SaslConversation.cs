using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <param name="Challenge">For <see cref="SaslState.Challenge"/>, not encoded: the speaker adds its base64.</param>
/// <param name="Outcome">For <see cref="SaslState.Complete"/>: who is logged in, or why nobody is.</param>
public readonly record struct SaslAnswer(SaslState State, ReadOnlyMemory<byte> Challenge, Result<Identity> Outcome)
{
    internal static SaslAnswer Ask(ReadOnlyMemory<byte> challenge) => new(SaslState.Challenge, challenge, default);

    internal static SaslAnswer Done(Result<Identity> outcome) => new(SaslState.Complete, default, outcome);

    internal static SaslAnswer Broken => new(SaslState.Malformed, default, default);
}

/// <summary>An authentication exchange (RFC 4422) from its mechanism's name to its outcome: every protocol adds only its framing.</summary>
public abstract class SaslConversation
{
    private protected SaslConversation()
    {
    }

    /// <summary>The first challenge, for a client that sent no initial response.</summary>
    public abstract ValueTask<SaslAnswer> BeginAsync(CancellationToken ct);

    /// <param name="response">The client's decoded answer, or its initial response. The caller wipes it.</param>
    public abstract ValueTask<SaslAnswer> StepAsync(ReadOnlyMemory<byte> response, CancellationToken ct);
}

/// <summary>PLAIN and LOGIN: the exchange gathers a password, and the authenticator judges it.</summary>
internal sealed class PasswordConversation(SaslExchange exchange, Authenticator authenticator, LoginContext context) : SaslConversation
{
    public override ValueTask<SaslAnswer> BeginAsync(CancellationToken ct) => AnswerAsync(exchange.Begin(), ct);

    public override ValueTask<SaslAnswer> StepAsync(ReadOnlyMemory<byte> response, CancellationToken ct) =>
        AnswerAsync(exchange.Step(response.Span), ct);

    private async ValueTask<SaslAnswer> AnswerAsync(SaslStep step, CancellationToken ct)
    {
        if (step.State == SaslState.Challenge) return SaslAnswer.Ask(step.Challenge);
        if (step.State != SaslState.Complete || step.Credentials is null) return SaslAnswer.Broken;
        using var credentials = step.Credentials;
        return SaslAnswer.Done(await authenticator.AuthenticateAsync(credentials, context, ct));
    }
}

/// <summary>EXTERNAL (RFC 4422 appendix A): the TLS handshake has shown who the client is.</summary>
internal sealed class ExternalConversation(Authenticator authenticator, LoginContext context) : SaslConversation
{
    public override ValueTask<SaslAnswer> BeginAsync(CancellationToken ct) => new(SaslAnswer.Ask(default));

    public override async ValueTask<SaslAnswer> StepAsync(ReadOnlyMemory<byte> response, CancellationToken ct)
    {
        if (response.Length > SaslExchange.ResponseBytesMax || !System.Text.Unicode.Utf8.IsValid(response.Span) || response.Span.Contains((byte)0))
        {
            return SaslAnswer.Broken;
        }
        return SaslAnswer.Done(await authenticator.ExternalAsync(Encoding.UTF8.GetString(response.Span), context, ct));
    }
}

/// <summary>SCRAM (RFC 5802, RFC 7677): both sides show that they know the password, and neither sends it.</summary>
/// <param name="plus">-PLUS: the exchange is bound to the TLS connection.</param>
internal sealed class ScramConversation(ScramHash hash, bool plus, Authenticator authenticator, LoginContext context) : SaslConversation
{
    /// <summary>RFC 5929 §4: the only binding that a TLS library here can tell.</summary>
    public const string BindingName = "tls-server-end-point";

    private const int NonceOctets = 18;

    private ScramFirst? _first;
    private ScramCandidate? _candidate;
    private string _serverFirst = "";
    private Result<Identity>? _outcome;
    private bool _over;

    public override ValueTask<SaslAnswer> BeginAsync(CancellationToken ct) => new(SaslAnswer.Ask(default));

    public override async ValueTask<SaslAnswer> StepAsync(ReadOnlyMemory<byte> response, CancellationToken ct)
    {
        if (_over || response.Length > SaslExchange.ResponseBytesMax) return SaslAnswer.Broken;
        // The client has seen the server's signature, and has nothing to add.
        if (_outcome is { } outcome) return Over(response.IsEmpty ? SaslAnswer.Done(outcome) : SaslAnswer.Broken);
        return _first is null ? await FirstAsync(response, ct) : await FinalAsync(response, ct);
    }

    private async ValueTask<SaslAnswer> FirstAsync(ReadOnlyMemory<byte> response, CancellationToken ct)
    {
        if (!ScramFirst.TryParse(response.Span, out _first)) return Over(SaslAnswer.Broken);
        // RFC 5802 §6: "p" belongs to -PLUS alone; "y" says that the client has not seen -PLUS offered, and somebody took it away if it was.
        var binds = _first.Binding is not ("n" or "y");
        if (binds != plus || (binds && _first.Binding != BindingName)) return Over(SaslAnswer.Broken);
        if (_first.Binding == "y" && !context.ServerEndPoint.IsEmpty) return Over(SaslAnswer.Done(Authenticator.WrongBinding));
        var candidate = await authenticator.FindScramAsync(hash, _first.Login, _first.AuthorizeAs, context, ct);
        if (!candidate.TryGet(out _candidate)) return Over(SaslAnswer.Done(candidate.Refusal!));
        var nonce = _first.Nonce + Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceOctets));
        var verifier = _candidate.Verifier;
        _serverFirst = string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"r={nonce},s={Convert.ToBase64String(verifier.Salt)},i={verifier.Iterations}");
        return SaslAnswer.Ask(Encoding.UTF8.GetBytes(_serverFirst));
    }

    private async ValueTask<SaslAnswer> FinalAsync(ReadOnlyMemory<byte> response, CancellationToken ct)
    {
        if (!ScramFinal.TryParse(response.Span, out var final)) return Over(SaslAnswer.Broken);
        var nonce = _serverFirst[2.._serverFirst.IndexOf(',', StringComparison.Ordinal)];
        byte[] binding = [.. Encoding.UTF8.GetBytes(_first!.Header), .. plus ? context.ServerEndPoint.Span : []];
        var authMessage = Encoding.UTF8.GetBytes($"{_first.Bare},{_serverFirst},{final.WithoutProof}");
        var right = CryptographicOperations.FixedTimeEquals(binding, final.Binding)
            & final.Nonce == nonce
            & _candidate!.Verifier.Accepts(final.Proof, authMessage);
        var outcome = await authenticator.ConcludeAsync(_candidate, right, context, ct);
        if (!outcome.Ok) return Over(SaslAnswer.Done(outcome));
        _outcome = outcome;
        return SaslAnswer.Ask(Encoding.ASCII.GetBytes("v=" + Convert.ToBase64String(_candidate.Verifier.Signature(authMessage))));
    }

    private SaslAnswer Over(SaslAnswer answer)
    {
        _over = true;
        return answer;
    }
}

/// <summary>Whom a SCRAM exchange is about: an account and its verifier, or nobody and one that looks like any other.</summary>
/// <param name="Device">Whose verifier it is; null for the account's own password.</param>
/// <param name="Mark">When the log-in began.</param>
internal sealed record ScramCandidate(string Login, Account? Account, ScramVerifier Verifier, StoredAppPassword? Device, long Mark);
