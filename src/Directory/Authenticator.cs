using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>Decides who is logged in.</summary>
public sealed class Authenticator
{
    private static readonly Refusal Wrong = new(RefusalKind.NotAuthenticated, "the login or the password is wrong");

    private readonly Database _db;
    private readonly DirectorySettings _settings;
    private readonly PasswordCheck _passwords;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly LoginThrottle _throttle;

    internal Authenticator(Database db, DirectorySettings settings, PasswordCheck passwords, TimeProvider time, ILogger log)
    {
        (_db, _settings, _passwords, _time, _log) = (db, settings, passwords, time, log);
        _throttle = new LoginThrottle(time);
    }

    /// <summary>Whether a password may be sent at all: speakers advertise PLAIN and LOGIN by this, and answer 538 or LOGINDISABLED.</summary>
    public bool AcceptsPasswords(in LoginContext context) =>
        context.Encrypted || (context.IsLoopback && _settings.AllowPlaintextOnLoopback);

    /// <summary>Checks the credentials. Whoever called disposes them.</summary>
    public ValueTask<Result<Identity>> AuthenticateAsync(PasswordCredentials credentials, LoginContext context, CancellationToken ct = default)
    {
        // RFC 4616 §2: acting as somebody else needs a right that nobody has yet.
        if (credentials.AuthorizeAs.Length > 0 && !SameLogin(credentials.AuthorizeAs, credentials.Login))
        {
            return new(new Refusal(RefusalKind.Forbidden, "acting as another account is not permitted"));
        }
        return PasswordAsync(credentials.Login, credentials.Password, context, ct);
    }

    /// <param name="login">The account's address.</param>
    /// <param name="password">UTF-8; the caller wipes it.</param>
    public async ValueTask<Result<Identity>> PasswordAsync(
        string login, ReadOnlyMemory<byte> password, LoginContext context, CancellationToken ct = default)
    {
        if (!AcceptsPasswords(context)) return new Refusal(RefusalKind.Forbidden, "a password needs an encrypted connection");
        var address = EmailAddress.TryParse(login, out var parsed) ? parsed : null;
        var key = address?.Key ?? "?"; // what is no address shares one bucket
        var throttled = _settings.ThrottleLoopback || !context.IsLoopback;
        if (throttled && _throttle.Check(key, context.Remote) is { } refusal)
        {
            Meters.LoggedIn(context.Protocol, "throttled");
            Log.LoginThrottled(_log, Shown(login), context.Protocol, context.Remote);
            return refusal;
        }
        var (account, stored) = address is null ? default : await _db.ReadAsync(db => Lookup(db, address), ct);
        Proof proof;
        try
        {
            proof = await _passwords.ProveAsync(stored, password, _time.GetUtcNow().ToUnixTimeMilliseconds(), ct);
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
        if (proof == Proof.Wrong || account is null)
        {
            if (throttled) _throttle.Failed(key, context.Remote);
            Meters.LoggedIn(context.Protocol, "failed");
            Log.LoginFailed(_log, Shown(login), context.Protocol, context.Remote);
            return Wrong;
        }
        if (throttled) _throttle.Succeeded(key, context.Remote);
        if (account.DisabledAt is not null)
        {
            Meters.LoggedIn(context.Protocol, "disabled");
            Log.LoginDisabled(_log, account.Address, context.Protocol, context.Remote);
            return new Refusal(RefusalKind.Disabled, "this account is disabled");
        }
        if (proof == Proof.RightButStoredCheaply) await UpgradeAsync(account.Id, stored!, password, ct);
        Meters.LoggedIn(context.Protocol, "ok");
        Log.LoggedIn(_log, account.Address, context.Protocol, context.Remote);
        return new Identity(account.Id, account.Address, account.Role, login);
    }

    // A removed account is as unknown as one that never was.
    private static (Account? Account, string? Hash) Lookup(Snapshot db, EmailAddress address)
    {
        var account = Accounts.Read(db, address);
        return account is null || account.RemovedAt is not null ? default : (account, Credentials.Password(db, account.Id));
    }

    private async ValueTask UpgradeAsync(AccountId account, string stored, ReadOnlyMemory<byte> password, CancellationToken ct)
    {
        var hashed = await _passwords.HashAsync(password, ct);
        if (hashed.TryGet(out var hash)) await _db.WriteAsync(tx => Credentials.Upgrade(tx, account, stored, hash), ct);
    }

    private static bool SameLogin(string one, string other) =>
        EmailAddress.TryParse(one, out var a) && EmailAddress.TryParse(other, out var b) ? a.Key == b.Key : one == other;

    // What a stranger typed may be a password in the wrong field, or carry control characters: only addresses are shown.
    private static string Shown(string login) => EmailAddress.TryParse(login, out var address) ? address.ToString() : "(not an address)";
}
