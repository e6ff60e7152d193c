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
    private readonly AppPasswords _devices;
    private readonly LiveLogins _live;

    internal Authenticator(
        Database db, DirectorySettings settings, PasswordCheck passwords, ScramOffer scram, AppPasswords devices, LiveLogins live, Conduct conduct,
        LoginHistory history, TimeProvider time, ILogger log)
    {
        (_history, _devices, _live) = (history, devices, live);
        (_db, _settings, _passwords, _scram, _conduct, _time, _log) = (db, settings, passwords, scram, conduct, time, log);
        _throttle = new LoginThrottle(time);
    }

    /// <summary>Who is logged in: a speaker enters everybody, and leaves with the connection.</summary>
    public LiveLogins Live => _live;

    /// <summary>What a device's program says of itself is kept with its app password.</summary>
    public void NoteClient(Identity identity, in LoginContext context, string client) => _devices.NoteClient(identity, context, client);

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

    /// <param name="login">The account's address; the id of a device may stand behind it, after a plus.</param>
    /// <param name="password">The account's own or that of a device, in UTF-8; the caller wipes it.</param>
    public async ValueTask<Result<Identity>> PasswordAsync(
        string login, ReadOnlyMemory<byte> password, LoginContext context, CancellationToken ct = default)
    {
        if (!AcceptsPasswords(context)) return new Refusal(RefusalKind.Forbidden, "a password needs an encrypted connection");
        var mark = _live.Mark;
        login = AppPasswordText.Split(login, out _);
        var address = EmailAddress.TryParse(login, out var parsed) ? parsed : null;
        // Nobody has guessed what has 130 random bits, so it passes whatever others have tried at this account.
        var device = address is null ? null : await FindDeviceAsync(address, password, context, ct);
        if (device is { Refusal: null }) return Conclude(login, device.Account, context, null, device.Password, mark);
        if (device is null && Throttled(login, context) is { } refusal) return refusal;
        // Whoever has the right secret and may not use it waits as long as for a wrong one.
        var (account, stored, lacksScram) = address is null || device is not null ? default
            : await _db.ReadAsync(db => Lookup(db, address, context), ct);
        Proof proof;
        try
        {
            proof = await _passwords.ProveAsync(stored, password, _time.GetUtcNow().ToUnixTimeMilliseconds(), ct);
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
        if (device is { Refusal: { } why }) return await MisusedAsync(device, why, context, ct);
        var concluded = Conclude(login, proof == Proof.Wrong ? null : account, context, account?.Id, null, mark);
        if (!concluded.Ok) return concluded;
        if (lacksScram) await AddScramAsync(account!.Id, stored!, password, ct);
        if (proof == Proof.RightButStoredCheaply) await UpgradeAsync(account!.Id, stored!, password, ct);
        return concluded;
    }

    /// <summary>Whom a SCRAM exchange is about. Whoever has no verifier gets one that no proof fits, each time with the same salt.</summary>
    internal async ValueTask<Result<ScramCandidate>> FindScramAsync(
        ScramHash hash, string login, string authorizeAs, LoginContext context, CancellationToken ct)
    {
        var mark = _live.Mark;
        var named = AppPasswordText.Split(login, out var id);
        if (authorizeAs.Length > 0 && !SameLogin(authorizeAs, login) && !SameLogin(authorizeAs, named)) return ActingAs;
        // Guesses at an account must not keep its devices out, and there is nothing to guess at a device.
        if (id is null && Throttled(named, context) is { } refusal) return refusal;
        var address = EmailAddress.TryParse(named, out var parsed) ? parsed : null;
        var found = address is null ? default : await _db.ReadAsync(db => LookupScram(db, address, id, hash, context), ct);
        // Both are always made, so that a name that is known costs what one that is not does.
        var falseSalt = await _scram.FalseSaltAsync(hash, (address?.Key ?? named) + id, ct);
        var fake = ScramVerifier.Unmatchable(hash, falseSalt, id is null ? ScramVerifier.IterationsOfToday : ScramVerifier.IterationsForRandom);
        return new ScramCandidate(named, found.Verifier is null ? null : found.Account, found.Verifier ?? fake, found.Device, mark);
    }

    /// <summary>Logs in whom the connection's client certificate names.</summary>
    internal async ValueTask<Result<Identity>> ExternalAsync(string authorizeAs, LoginContext context, CancellationToken ct)
    {
        var mark = _live.Mark;
        var login = context.CertificateAddress!;
        if (authorizeAs.Length > 0 && !SameLogin(authorizeAs, login)) return ActingAs;
        if (Throttled(login, context) is { } refusal) return refusal;
        var account = EmailAddress.TryParse(login, out var address) ? await _db.ReadAsync(db => Accounts.Read(db, address), ct) : null;
        return Conclude(login, account is { RemovedAt: null } ? account : null, context, mark: mark);
    }

    internal async ValueTask<Result<Identity>> ConcludeAsync(ScramCandidate candidate, bool right, LoginContext context, CancellationToken ct)
    {
        var (account, device) = (candidate.Account, candidate.Device);
        if (!right || device is null || account is null)
        {
            return Conclude(candidate.Login, right ? account : null, context, account?.Id, null, candidate.Mark);
        }
        var policy = await _db.ReadAsync(db => Domains.PolicyOf(db, account.Address.Domain), ct);
        return device.Judge(context, policy, _time.GetUtcNow()) is { } why
            ? await MisusedAsync(new DeviceFound(account, device.Password, why), why, context, ct)
            : Conclude(candidate.Login, account, context, null, device.Password, candidate.Mark);
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

    // The owner and the log get the reason. It counts as no guess: a device with an old password must not shut its household out.
    private async ValueTask<Refusal> MisusedAsync(DeviceFound device, DeviceRefusal why, LoginContext context, CancellationToken ct)
    {
        _history.Note(device.Account.Id, context, LoginOutcome.NotAllowed, device.Password.Label);
        Meters.LoggedIn(context.Protocol, "not_allowed");
        await _devices.MisusedAsync(device.Password, device.Account.Address, why, context, ct);
        return Wrong;
    }

    /// <param name="account">None when nothing was proven.</param>
    /// <param name="tried">Whose password was tried, if there is such an account.</param>
    /// <param name="device">What was proven; none for the account's own password.</param>
    /// <param name="mark">When the log-in began.</param>
    private Result<Identity> Conclude(
        string login, Account? account, in LoginContext context, AccountId? tried = null, AppPassword? device = null, long mark = long.MaxValue)
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
        _history.Note(account.Id, context, LoginOutcome.Ok, device?.Label ?? "");
        Meters.LoggedIn(context.Protocol, "ok");
        if (device is null)
        {
            Log.LoggedIn(_log, account.Address, context.Protocol, context.Remote);
        }
        else
        {
            _devices.Used(device, context);
            Log.DeviceLoggedIn(_log, account.Address, device.Id, context.Protocol, context.Remote);
        }
        return new Identity(account.Id, account.Address, account.Role, login) { Device = device?.Id, Mark = mark };
    }

    private bool Counts(in LoginContext context) => _settings.ThrottleLoopback || !context.IsLoopback;

    // What is no address shares one bucket.
    private static string KeyOf(string login) => EmailAddress.TryParse(login, out var address) ? address.Key : "?";

    // A removed account is as unknown as one that never was.
    private (Account? Account, string? Hash, bool LacksScram) Lookup(Snapshot db, EmailAddress address, in LoginContext context)
    {
        var account = Accounts.Read(db, address);
        if (account is null || account.RemovedAt is not null) return default;
        if (!TakesOwnPassword(db, address.Domain, context)) return (account, null, false);
        var lacks = _scram.IsOffered && Domains.AllowsScram(db, address.Domain) && Credentials.Scram(db, account.Id, ScramHash.Sha256) is null;
        return (account, Credentials.Password(db, account.Id), lacks);
    }

    // A domain may want none of its mail programs to know the password; pages take it.
    private static bool TakesOwnPassword(Snapshot db, Domain domain, in LoginContext context) =>
        context.Protocol == LoginContext.Web || Domains.PolicyOf(db, domain) == LoginPolicy.Password;

    private async ValueTask<DeviceFound?> FindDeviceAsync(
        EmailAddress address, ReadOnlyMemory<byte> password, LoginContext context, CancellationToken ct)
    {
        if (!AppPasswordText.TryRead(password.Span, out var text)) return null;
        var (account, stored, policy) = await _db.ReadAsync(db => LookupDevice(db, address, AppPasswordText.IdOf(text)), ct);
        if (stored is null || !CryptographicOperations.FixedTimeEquals(stored.Hash, AppPasswordText.HashOf(text))) return null;
        return new DeviceFound(account!, stored.Password, stored.Judge(context, policy, _time.GetUtcNow()));
    }

    private static (Account? Account, StoredAppPassword? Device, LoginPolicy Policy) LookupDevice(Snapshot db, EmailAddress address, string id)
    {
        if (AppPasswordTable.Find(db, id) is not { } stored) return default;
        var account = Accounts.Read(db, address);
        return account is { RemovedAt: null } && account.Id == stored.Password.Account
            ? (account, stored, Domains.PolicyOf(db, address.Domain)) : default;
    }

    // Without the id of a device it is the account's own password, or the only device there is.
    private static (Account? Account, ScramVerifier? Verifier, StoredAppPassword? Device) LookupScram(
        Snapshot db, EmailAddress address, string? id, ScramHash hash, in LoginContext context)
    {
        if (id is not null)
        {
            var (owner, named, _) = LookupDevice(db, address, id);
            return (owner, named?.Scram(hash), named);
        }
        var account = Accounts.Read(db, address);
        if (account is null || account.RemovedAt is not null) return default;
        var own = TakesOwnPassword(db, address.Domain, context) && Domains.AllowsScram(db, address.Domain)
            ? Credentials.Scram(db, account.Id, hash) : null;
        if (own is not null) return (account, own, null);
        var devices = AppPasswordTable.Of(db, account.Id).FindAll(static stored => stored.Password.RevokedAt is null);
        return devices is [var only] ? (account, only.Scram(hash), only) : (account, null, null);
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

/// <summary>Whose device has the secret that was shown.</summary>
/// <param name="Refusal">Why it does not open; null when it does.</param>
internal sealed record DeviceFound(Account Account, AppPassword Password, DeviceRefusal? Refusal);
