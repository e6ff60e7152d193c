using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>What an account has beside its password.</summary>
/// <param name="TotpSince">Null without an authenticator program.</param>
/// <param name="RecoveryCodes">How many are left.</param>
public sealed record FactorState(DateTimeOffset? TotpSince, int RecoveryCodes, int Passkeys)
{
    /// <summary>After the password a second factor is asked for.</summary>
    public bool IsAsked => TotpSince is not null || Passkeys > 0;
}

/// <summary>An authenticator that is being set up. It counts once a code of it has been shown.</summary>
/// <param name="Secret">Base32, to type by hand.</param>
/// <param name="Uri">The same for a QR code.</param>
public sealed record TotpOffer(string Secret, string Uri)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => "an authenticator that is being set up";
}

/// <summary>
/// The second factors that a password may need: codes of an authenticator (RFC 6238), and ten codes on paper for when it is lost. The
/// authenticator's seed is sealed in the vault; the paper codes have 80 random bits and are kept as SHA-256.
/// </summary>
/// <remarks>
/// Whoever may guess here has shown the password already, so failures are counted against the account itself, and strictly. A code that
/// has been taken is not taken again, whoever read it over the shoulder.
/// </remarks>
public sealed class SecondFactors
{
    public const int RecoveryCodesMax = 10;

    private const string SealPurpose = "totp";
    private const int RecoveryCharacters = 16;
    private const string RecoveryAlphabet = "abcdefghijkmnpqrstuvwxyz23456789"; // 32 of them, none like another

    private static readonly ThrottleSizes Strict = new(
        Network: new(20, TimeSpan.FromSeconds(30)),
        AccountAndNetwork: new(6, TimeSpan.FromMinutes(5)),
        Account: new(20, TimeSpan.FromMinutes(10)));

    private static readonly Refusal Wrong = new(RefusalKind.NotAuthenticated, "the code is wrong, or has been used already");
    private static readonly Refusal NoVault = new(RefusalKind.TemporarilyUnavailable, "this server keeps no second factors");

    private readonly Database _db;
    private readonly Vault? _vault;
    private readonly DirectorySettings _settings;
    private readonly LoginThrottle _throttle;
    private readonly LoginHistory _history;
    private readonly ILogger _log;

    internal SecondFactors(Database db, Vault? vault, DirectorySettings settings, LoginHistory history, TimeProvider time, ILogger log)
    {
        (_db, _vault, _settings, _history, _log) = (db, vault, settings, history, log);
        _throttle = new LoginThrottle(time, Strict);
    }

    internal static SealedColumn Seeds { get; } = new(SealPurpose, "totp", "secret", "account");

    public ValueTask<FactorState> StateAsync(AccountId account, CancellationToken ct = default) => _db.ReadAsync(db => State(db, account), ct);

    /// <summary>The account's domain asks for a second factor, and the account has none yet.</summary>
    public ValueTask<bool> IsOwedAsync(Account account, CancellationToken ct = default) =>
        _db.ReadAsync(db => Domains.Read(db, account.Address.Domain) is { Mfa: true } && !State(db, account.Id).IsAsked, ct);

    /// <summary>Begins to set up an authenticator; what was begun before and not finished is forgotten.</summary>
    /// <param name="issuer">What the authenticator calls this server.</param>
    public async ValueTask<Result<TotpOffer>> OfferTotpAsync(Account account, string issuer, CancellationToken ct = default)
    {
        if (_vault is not { } vault) return NoVault;
        var secret = RandomNumberGenerator.GetBytes(Totp.SecretBytes);
        try
        {
            var begun = await _db.TryWriteAsync(tx =>
            {
                if (State(tx, account.Id).TotpSince is not null) throw Refused.Conflict("an authenticator is set up already; remove it first");
                tx.Prepare("DELETE FROM totp WHERE account = $1").Bind(account.Id.Value).Execute();
                tx.Prepare("INSERT INTO totp (account, secret, last_step, created) VALUES ($1, $2, 0, $3)")
                    .Bind(account.Id.Value).Bind(vault.Seal(tx, SealPurpose, [account.Id.Value], secret)).Bind(tx.Now).Execute();
                return true;
            }, ct);
            if (!begun.Ok) return begun.Refusal!;
            var text = Totp.Base32(secret);
            return new TotpOffer(text, Totp.Uri(issuer, account.Address, text));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>What was offered last and waits for its first code; null for nothing.</summary>
    public ValueTask<TotpOffer?> PendingTotpAsync(Account account, string issuer, CancellationToken ct = default) => _db.ReadAsync(db =>
    {
        if (Secret(db, account.Id, confirmed: false) is not { } found) return null;
        var text = Totp.Base32(found.Secret);
        CryptographicOperations.ZeroMemory(found.Secret);
        return new TotpOffer(text, Totp.Uri(issuer, account.Address, text));
    }, ct);

    /// <summary>Finishes the setting up with a first code.</summary>
    /// <returns>New recovery codes, to be shown once, if the account had none; else an empty list.</returns>
    public async ValueTask<Result<IReadOnlyList<string>>> ConfirmTotpAsync(AccountId account, string code, CancellationToken ct = default)
    {
        var codes = NewCodes();
        var confirmed = await _db.TryWriteAsync(tx =>
        {
            if (Take(tx, account, code, confirmed: false) is not true) throw new RefusalException(Wrong);
            tx.Prepare("UPDATE totp SET confirmed = $1 WHERE account = $2").Bind(tx.Now).Bind(account.Value).Execute();
            AccountNews.Add(tx, account, AccountEvent.FactorAdded, "an authenticator");
            if (State(tx, account).RecoveryCodes > 0) return false;
            Store(tx, account, codes);
            return true;
        }, ct);
        if (!confirmed.TryGet(out var withCodes)) return confirmed.Refusal!;
        Log.FactorAdded(_log, account, "an authenticator");
        return Result<IReadOnlyList<string>>.Of(withCodes ? codes : []);
    }

    /// <summary>Takes a code of the authenticator, or a recovery code: whichever it looks like.</summary>
    /// <returns>What was proven.</returns>
    public async ValueTask<Result<LoginMethods>> ProveAsync(Account account, string code, LoginContext context, CancellationToken ct = default)
    {
        var key = account.Address.Key;
        var counts = _settings.ThrottleLoopback || !context.IsLoopback;
        if (counts && _throttle.Check(key, context.Remote) is { } throttled)
        {
            _history.Note(account.Id, context, LoginOutcome.Throttled);
            Meters.LoggedIn(context.Protocol, "throttled");
            Log.LoginThrottled(_log, account.Address.ToString(), context.Protocol, context.Remote);
            return throttled;
        }
        var proven = await _db.WriteAsync(
            tx => Take(tx, account.Id, code, confirmed: true) is true ? LoginMethods.Totp
                : TakeRecoveryCode(tx, account.Id, code, context.Remote) ? LoginMethods.RecoveryCode
                : LoginMethods.None, ct);
        if (proven == LoginMethods.None)
        {
            if (counts) _throttle.Failed(key, context.Remote);
            _history.Note(account.Id, context, LoginOutcome.WrongSecondFactor);
            Log.SecondFactorFailed(_log, account.Address, context.Remote);
            return Wrong;
        }
        if (counts) _throttle.Succeeded(key, context.Remote);
        if (proven == LoginMethods.RecoveryCode) Log.RecoveryCodeUsed(_log, account.Address, context.Remote);
        return proven;
    }

    /// <summary>Ten new recovery codes, to be shown once; the old ones open nothing more.</summary>
    public async ValueTask<IReadOnlyList<string>> RenewRecoveryCodesAsync(AccountId account, CancellationToken ct = default)
    {
        var codes = NewCodes();
        await _db.WriteAsync(tx =>
        {
            AccountNews.Add(tx, account, AccountEvent.RecoveryCodesRenewed);
            return Store(tx, account, codes);
        }, ct);
        Log.FactorAdded(_log, account, "recovery codes");
        return codes;
    }

    /// <summary>Removes the authenticator; without a passkey, the recovery codes go with it, since nothing asks for them.</summary>
    public async ValueTask RemoveTotpAsync(AccountId account, CancellationToken ct = default)
    {
        await _db.WriteAsync(tx =>
        {
            if (tx.Prepare("DELETE FROM totp WHERE account = $1").Bind(account.Value).Execute() == 0) return false;
            AccountNews.Add(tx, account, AccountEvent.FactorRemoved, "the authenticator");
            ForgetIdleCodes(tx, account);
            return true;
        }, ct);
        Log.FactorRemoved(_log, account, "an authenticator");
    }

    /// <summary>For somebody who has lost them all: removes every second factor, passkeys too, and ends every web session.</summary>
    public async ValueTask<Result<Account>> ResetAsync(Authority by, EmailAddress address, CancellationToken ct = default)
    {
        var reset = await _db.TryWriteAsync(tx =>
        {
            var account = Accounts.DemandChangeable(tx, by, address);
            Forget(tx, account.Id);
            WebSessions.EndAll(tx, account.Id);
            AccountNews.Add(tx, account.Id, AccountEvent.FactorsReset, by.Name);
            return account;
        }, ct);
        if (reset.Ok) Log.FactorsReset(_log, address, by.Name);
        return reset;
    }

    internal static void Forget(Transaction tx, AccountId account)
    {
        tx.Prepare("DELETE FROM totp WHERE account = $1").Bind(account.Value).Execute();
        tx.Prepare("DELETE FROM recovery_code WHERE account = $1").Bind(account.Value).Execute();
        Passkeys.Forget(tx, account);
    }

    /// <summary>Recovery codes are of use beside something that asks for a second factor.</summary>
    internal static void ForgetIdleCodes(Transaction tx, AccountId account)
    {
        if (State(tx, account).IsAsked) return;
        tx.Prepare("DELETE FROM recovery_code WHERE account = $1").Bind(account.Value).Execute();
    }

    internal static FactorState State(Snapshot db, AccountId account) => new(
        db.Prepare("SELECT confirmed FROM totp WHERE account = $1").Bind(account.Value).Scalar() is { } since
            ? DateTimeOffset.FromUnixTimeMilliseconds(since)
            : null,
        (int)(db.Prepare("SELECT COUNT(*) FROM recovery_code WHERE account = $1").Bind(account.Value).Scalar() ?? 0),
        (int)(db.Prepare("SELECT COUNT(*) FROM passkey WHERE account = $1").Bind(account.Value).Scalar() ?? 0));

    // The step is noted in the same action, so that of two requests with one code only one is right.
    private bool Take(Transaction tx, AccountId account, string code, bool confirmed)
    {
        if (Secret(tx, account, confirmed) is not { } found) return false;
        var step = Totp.Match(found.Secret, code, tx.Now, found.LastStep);
        CryptographicOperations.ZeroMemory(found.Secret);
        return step is { } taken && tx.Prepare("UPDATE totp SET last_step = $1 WHERE account = $2 AND last_step < $1")
            .Bind(taken).Bind(account.Value).Execute() == 1;
    }

    private (byte[] Secret, long LastStep)? Secret(Snapshot db, AccountId account, bool confirmed)
    {
        byte[] stored;
        long last;
        using (var rows = db.Prepare("SELECT secret, last_step, confirmed FROM totp WHERE account = $1").Bind(account.Value).Query())
        {
            if (!rows.Next() || rows.IsNull(2) == confirmed) return null;
            (stored, last) = (rows.Blob(0).ToArray(), rows.Int64(1));
        }
        return _vault is { } vault && vault.TryOpen(db, SealPurpose, [account.Value], stored, out var secret) ? (secret, last) : null;
    }

    private static bool TakeRecoveryCode(Transaction tx, AccountId account, string typed, IPAddress? remote)
    {
        var code = string.Concat(typed.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
        if (code.Length != RecoveryCharacters || tx.Prepare("DELETE FROM recovery_code WHERE account = $1 AND hash = $2")
            .Bind(account.Value).Bind(HashOf(account, code)).Execute() == 0)
        {
            return false;
        }
        AccountNews.Add(tx, account, AccountEvent.RecoveryCodeUsed, remote?.Unmapped().ToString() ?? "this machine");
        return true;
    }

    private static List<string> NewCodes() =>
        [.. Enumerable.Range(0, RecoveryCodesMax).Select(_ => RandomNumberGenerator.GetString(RecoveryAlphabet, RecoveryCharacters))
            .Select(code => string.Join('-', code.Chunk(4).Select(part => new string(part))))];

    private static bool Store(Transaction tx, AccountId account, IReadOnlyList<string> codes)
    {
        tx.Prepare("DELETE FROM recovery_code WHERE account = $1").Bind(account.Value).Execute();
        foreach (var code in codes)
        {
            tx.Prepare("INSERT INTO recovery_code (account, hash, created) VALUES ($1, $2, $3)")
                .Bind(account.Value).Bind(HashOf(account, code.Replace("-", "", StringComparison.Ordinal))).Bind(tx.Now).Execute();
        }
        return true;
    }

    private static byte[] HashOf(AccountId account, string code) => SHA256.HashData(Encoding.ASCII.GetBytes(
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"posthorn recovery {account.Value} {code}")));
}
