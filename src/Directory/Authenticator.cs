using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>Decides who is logged in.</summary>
public sealed class Authenticator
{
    internal static readonly Refusal WrongBinding = new(
        RefusalKind.NotAuthenticated, "somebody between us seems to hide that this connection can be bound to its TLS");

    private const string External = "EXTERNAL";
    private const string Plus = "-PLUS";
    private const string NoName = "";

    private static readonly IReadOnlyList<string> WithScram = [.. ScramHash.All.Select(hash => hash.Mechanism), .. SaslExchange.Mechanisms];

    private static readonly IReadOnlyList<string> WithScramPlus = [.. ScramHash.All.Select(hash => hash.Mechanism + Plus), .. WithScram];

    private static readonly Refusal Wrong = new(RefusalKind.NotAuthenticated, "the login or the password is wrong");
    private static readonly Refusal ActingAs = new(RefusalKind.Forbidden, "acting as another account is not permitted");

    private readonly Database _db;
    private readonly DirectorySettings _settings;
    private readonly PasswordCheck _passwords;
    private readonly ScramOffer _scram;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Conduct _conduct;
    private readonly LoginThrottle _throttle;
    private readonly LoginHistory _history;

    internal Authenticator(
        Database db, DirectorySettings settings, PasswordCheck passwords, ScramOffer scram, Conduct conduct, LoginHistory history,
        TimeProvider time, ILogger log)
    {
        _history = history;
        (_db, _settings, _passwords, _scram, _conduct, _time, _log) = (db, settings, passwords, scram, conduct, time, log);
        _throttle = new LoginThrottle(time);
    }

    /// <summary>Whether a password may be sent at all: speakers advertise PLAIN and LOGIN by this, and answer 538 or LOGINDISABLED.</summary>
    public bool AcceptsPasswords(in LoginContext context) =>
        context.Encrypted || (context.IsLoopback && _settings.AllowPlaintextOnLoopback);

    /// <summary>What may be used on such a connection, best first: EXTERNAL with a client certificate, SCRAM where a domain allows it.</summary>
    public IReadOnlyList<string> Mechanisms(in LoginContext context)
    {
        var passwords = !AcceptsPasswords(context) ? []
            : !_scram.IsOffered ? SaslExchange.Mechanisms
            : context.ServerEndPoint.IsEmpty ? WithScram
            : WithScramPlus;
        return context.CertificateAddress is null || !context.Encrypted ? passwords : [External, .. passwords];
    }

    /// <summary>None when the mechanism is not offered on such a connection. Names are compared without regard to case.</summary>
    public SaslConversation? Start(string mechanism, LoginContext context)
    {
        mechanism = mechanism.ToUpperInvariant();
        if (!Mechanisms(context).Contains(mechanism)) return null;
        if (mechanism == External) return new ExternalConversation(this, context);
        var plus = mechanism.EndsWith(Plus, StringComparison.Ordinal);
        var name = plus ? mechanism[..^Plus.Length] : mechanism;
        if (ScramHash.All.FirstOrDefault(hash => hash.Mechanism == name) is { } hash) return new ScramConversation(hash, plus, this, context);
        return SaslExchange.Start(mechanism) is { } exchange ? new PasswordConversation(exchange, this, context) : null;
    }

    /// <summary>Checks the credentials. Whoever called disposes them.</summary>
    public ValueTask<Result<Identity>> AuthenticateAsync(PasswordCredentials credentials, LoginContext context, CancellationToken ct = default)
    {
        // RFC 4616 §2: acting as somebody else needs a right that nobody has yet.
        if (credentials.AuthorizeAs.Length > 0 && !SameLogin(credentials.AuthorizeAs, credentials.Login)) return new(ActingAs);
        return PasswordAsync(credentials.Login, credentials.Password, context, ct);
    }

    /// <param name="login">The account's address.</param>
    /// <param name="password">UTF-8; the caller wipes it.</param>
    public async ValueTask<Result<Identity>> PasswordAsync(
        string login, ReadOnlyMemory<byte> password, LoginContext context, CancellationToken ct = default)
    {
        if (!AcceptsPasswords(context)) return new Refusal(RefusalKind.Forbidden, "a password needs an encrypted connection");
        var address = EmailAddress.TryParse(login, out var parsed) ? parsed : null;
        if (Throttled(login, context) is { } refusal) return refusal;
        var (account, stored, lacksScram) = address is null ? default : await _db.ReadAsync(db => Lookup(db, address), ct);
        Proof proof;
        try
        {
            proof = await _passwords.ProveAsync(stored, password, _time.GetUtcNow().ToUnixTimeMilliseconds(), ct);
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
        var concluded = Conclude(login, proof == Proof.Wrong ? null : account, context, account?.Id);
        if (!concluded.Ok) return concluded;
        if (lacksScram) await AddScramAsync(account!.Id, stored!, password, ct);
        if (proof == Proof.RightButStoredCheaply) await UpgradeAsync(account!.Id, stored!, password, ct);
        return concluded;
    }

    /// <summary>Whom a SCRAM exchange is about. Whoever has no verifier gets one that no proof fits, each time with the same salt.</summary>
    internal async ValueTask<Result<ScramCandidate>> FindScramAsync(
        ScramHash hash, string login, string authorizeAs, LoginContext context, CancellationToken ct)
    {
        if (authorizeAs.Length > 0 && !SameLogin(authorizeAs, login)) return ActingAs;
        if (Throttled(login, context) is { } refusal) return refusal;
        var address = EmailAddress.TryParse(login, out var parsed) ? parsed : null;
        var found = address is null ? default : await _db.ReadAsync(db => LookupScram(db, address, hash), ct);
        // Both are always made, so that a name that is known costs what one that is not does.
        var fake = ScramVerifier.Unmatchable(hash, await _scram.FalseSaltAsync(hash, address?.Key ?? login, ct));
        return new ScramCandidate(login, found.Verifier is null ? null : found.Account, found.Verifier ?? fake);
    }

    /// <summary>Logs in whom the connection's client certificate names.</summary>
    internal async ValueTask<Result<Identity>> ExternalAsync(string authorizeAs, LoginContext context, CancellationToken ct)
    {
        var login = context.CertificateAddress!;
        if (authorizeAs.Length > 0 && !SameLogin(authorizeAs, login)) return ActingAs;
        if (Throttled(login, context) is { } refusal) return refusal;
        var account = EmailAddress.TryParse(login, out var address) ? await _db.ReadAsync(db => Accounts.Read(db, address), ct) : null;
        return Conclude(login, account is { RemovedAt: null } ? account : null, context);
    }

    internal ValueTask<Result<Identity>> ConcludeAsync(ScramCandidate candidate, bool right, LoginContext context, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return new(Conclude(candidate.Login, right ? candidate.Account : null, context, candidate.Account?.Id));
    }

    /// <summary>For a log-in that names nobody: what the network has done wrong counts.</summary>
    internal Refusal? ThrottledWithoutName(in LoginContext context)
    {
        if (!Counts(context) || _throttle.CheckNetwork(context.Remote) is not { } refusal) return null;
        Meters.LoggedIn(context.Protocol, "throttled");
        Log.LoginThrottled(_log, Shown(NoName), context.Protocol, context.Remote);
        return refusal;
    }

    /// <summary>Ends a log-in whose proof somebody else has checked.</summary>
    /// <param name="account">None when the proof was wrong.</param>
    internal Result<Identity> ConcludeProven(Account? account, in LoginContext context) =>
        Conclude(account?.Address.ToString() ?? NoName, account, context);

    private Refusal? Throttled(string login, in LoginContext context)
    {
        if (!Counts(context) || _throttle.Check(KeyOf(login), context.Remote) is not { } refusal) return null;
        Meters.LoggedIn(context.Protocol, "throttled");
        Log.LoginThrottled(_log, Shown(login), context.Protocol, context.Remote);
        return refusal;
    }

    /// <param name="account">None when nothing was proven.</param>
    /// <param name="tried">Whose password was tried, if there is such an account.</param>
    private Result<Identity> Conclude(string login, Account? account, in LoginContext context, AccountId? tried = null)
    {
        if (account is null)
        {
            if (tried is { } owner) _history.Note(owner, context, LoginOutcome.WrongPassword);
            if (Counts(context)) _throttle.Failed(KeyOf(login), context.Remote);
            if (context.Remote is { } remote) _conduct.Note(remote, Offence.FailedLogin);
            Meters.LoggedIn(context.Protocol, "failed");
            Log.LoginFailed(_log, Shown(login), context.Protocol, context.Remote);
            return Wrong;
        }
        if (Counts(context)) _throttle.Succeeded(KeyOf(login), context.Remote);
        if (account.DisabledAt is not null)
        {
            Meters.LoggedIn(context.Protocol, "disabled");
            _history.Note(account.Id, context, LoginOutcome.Disabled);
            Log.LoginDisabled(_log, account.Address, context.Protocol, context.Remote);
            return new Refusal(RefusalKind.Disabled, "this account is disabled");
        }
        _history.Note(account.Id, context, LoginOutcome.Ok);
        Meters.LoggedIn(context.Protocol, "ok");
        Log.LoggedIn(_log, account.Address, context.Protocol, context.Remote);
        return new Identity(account.Id, account.Address, account.Role, login);
    }

    private bool Counts(in LoginContext context) => _settings.ThrottleLoopback || !context.IsLoopback;

    // What is no address shares one bucket.
    private static string KeyOf(string login) => EmailAddress.TryParse(login, out var address) ? address.Key : "?";

    // A removed account is as unknown as one that never was.
    private (Account? Account, string? Hash, bool LacksScram) Lookup(Snapshot db, EmailAddress address)
    {
        var account = Accounts.Read(db, address);
        if (account is null || account.RemovedAt is not null) return default;
        var lacks = _scram.IsOffered && Domains.AllowsScram(db, address.Domain) && Credentials.Scram(db, account.Id, ScramHash.Sha256) is null;
        return (account, Credentials.Password(db, account.Id), lacks);
    }

    private static (Account? Account, ScramVerifier? Verifier) LookupScram(Snapshot db, EmailAddress address, ScramHash hash)
    {
        var account = Accounts.Read(db, address);
        if (account is null || account.RemovedAt is not null || !Domains.AllowsScram(db, address.Domain)) return default;
        return (account, Credentials.Scram(db, account.Id, hash));
    }

    private async ValueTask UpgradeAsync(AccountId account, string stored, ReadOnlyMemory<byte> password, CancellationToken ct)
    {
        var hashed = await _passwords.HashAsync(password, ct);
        if (hashed.TryGet(out var hash)) await _db.WriteAsync(tx => Credentials.Upgrade(tx, account, stored, hash), ct);
    }

    // A password that was set before its domain allowed SCRAM: now it is known for a moment.
    private async ValueTask AddScramAsync(AccountId account, string stored, ReadOnlyMemory<byte> password, CancellationToken ct)
    {
        var verifiers = await _passwords.ScramAsync(password, ct);
        if (verifiers.Count > 0) await _db.WriteAsync(tx => Credentials.AddScram(tx, account, stored, verifiers), ct);
    }

    private static bool SameLogin(string one, string other) =>
        EmailAddress.TryParse(one, out var a) && EmailAddress.TryParse(other, out var b) ? a.Key == b.Key : one == other;

    // What a stranger typed may be a password in the wrong field, or carry control characters: only addresses are shown.
    private static string Shown(string login) => EmailAddress.TryParse(login, out var address) ? address.ToString() : "(not an address)";
}
