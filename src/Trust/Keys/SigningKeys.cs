using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>Where a key stands in its life. The numbers are stored.</summary>
public enum SigningKeyState
{
    /// <summary>To be published; it signs once it has been seen in the name system.</summary>
    Waiting = 0,

    Signing = 1,

    /// <summary>It signs no more, and stays published for the mail that is still on its way.</summary>
    Retired = 2,
}

/// <summary>A key as it is told to people: never its secret.</summary>
/// <param name="Record">The TXT record to publish.</param>
public sealed record SigningKeyView(
    string Domain, string Selector, string Algorithm, SigningKeyState State, string Record, DateTimeOffset CreatedAt, DateTimeOffset ChangedAt)
{
    /// <summary>Where the record stands.</summary>
    public string Name => $"{Selector}._domainkey.{Domain}";
}

/// <summary>The keys that sign for our domains: made, sealed in the vault, replaced in time.</summary>
public sealed class SigningKeys : IDisposable
{
    /// <summary>A key that signs for so long is followed by a new one.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(365);

    /// <summary>Longer than mail waits in queues: then a retired key goes.</summary>
    public static readonly TimeSpan RetiredFor = TimeSpan.FromDays(14);

    private const string Purpose = "dkim";
    private const string Columns = "number, domain, selector, algorithm, secret, record, state, created, changed";

    private static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(1); // what another node has changed is seen after it

    private readonly Database _db;
    private readonly Vault _vault;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<string, (IReadOnlyList<SigningKey> Keys, DateTimeOffset Until)> _ready = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<long, SigningKey> _opened = new();

    private SigningKeys(Database db, Vault vault, TimeProvider time, ILogger log) => (_db, _vault, _time, _log) = (db, vault, time, log);

    public static SigningKeys Open(Database db, Vault vault, TimeProvider time, ILoggerFactory logs) =>
        new(db, vault, time, logs.CreateLogger("Posthorn.Trust"));

    internal static SealedColumn Column { get; } = new(Purpose, "trust_key", "secret", "number");

    /// <summary>Makes an RSA and an Ed25519 key for a domain that has none. They sign at once: there is nothing that they would replace.</summary>
    public async ValueTask EnsureAsync(Domain domain, CancellationToken ct = default)
    {
        var known = await _db.ReadAsync(db => Rows(db, domain.Ascii).Count > 0, ct);
        if (!known) await MakeAsync(domain, SigningKeyState.Signing, ct);
    }

    /// <summary>Makes keys that take over when they have been seen in the name system; nothing while others wait for that.</summary>
    public async ValueTask RotateAsync(Domain domain, CancellationToken ct = default)
    {
        var rows = await _db.ReadAsync(db => Rows(db, domain.Ascii), ct);
        if (!rows.Exists(static row => row.State == SigningKeyState.Waiting))
        {
            await MakeAsync(domain, rows.Count == 0 ? SigningKeyState.Signing : SigningKeyState.Waiting, ct);
        }
    }

    /// <summary>Takes a key that signed elsewhere: it signs here at once, since it is published already.</summary>
    public async ValueTask<Result<SigningKeyView>> ImportAsync(Domain domain, string selector, string pem, CancellationToken ct = default)
    {
        if (!Core.Domain.TryParse(selector.Replace('_', '-'), out _)) return new Refusal(RefusalKind.Invalid, "the selector is no name");
        if (!SigningKey.TryRead(domain.Ascii, selector.ToLowerInvariant(), pem, out var key,
            out var reason)) return new Refusal(RefusalKind.Invalid, reason);
        try
        {
            var view = await _db.WriteAsync(
                tx =>
                {
                    if (Rows(tx, domain.Ascii).Exists(row => row.Selector == key.Selector))
                    {
                        throw new RefusalException(new Refusal(RefusalKind.AlreadyExists, $"{domain} has a key {key.Selector} already"));
                    }
                    Retire(tx, domain.Ascii, key.Algorithm);
                    return Insert(tx, key, SigningKeyState.Signing).View;
                },
                ct);
            Forget(domain.Ascii);
            Log.KeyImported(_log, domain.Ascii, key.Selector, key.AlgorithmName);
            return view;
        }
        catch (RefusalException refused)
        {
            key.Dispose();
            return refused.Refusal;
        }
    }

    /// <summary>Every key of a domain, newest first.</summary>
    public ValueTask<IReadOnlyList<SigningKeyView>> ListAsync(Domain domain, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<SigningKeyView>>(db => Rows(db, domain.Ascii).ConvertAll(static row => row.View), ct);

    /// <summary>The domain is no longer ours.</summary>
    public async ValueTask RemoveAsync(Domain domain, CancellationToken ct = default)
    {
        await _db.WriteAsync(tx => tx.Prepare("DELETE FROM trust_key WHERE domain = $1").Bind(domain.Ascii).Execute(), ct);
        Forget(domain.Ascii);
    }

    /// <summary>Those that sign, RSA first; none for a domain that is not ours. They stay usable, whatever changes meanwhile.</summary>
    public async ValueTask<IReadOnlyList<SigningKey>> ReadyAsync(Domain domain, CancellationToken ct = default)
    {
        var now = _time.GetUtcNow();
        if (_ready.TryGetValue(domain.Ascii, out var known) && known.Until > now) return known.Keys;
        var keys = await _db.ReadAsync(db => Open(db, domain.Ascii), ct);
        _ready[domain.Ascii] = (keys, now + RememberedFor);
        return keys;
    }

    /// <summary>Lets waiting keys that are published take over, retired ones go, and old ones be followed.</summary>
    public async Task TendAsync(Resolver resolver, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var all = await _db.ReadAsync(db => Rows(db, null), ct);
        foreach (var domain in all.GroupBy(static row => row.Domain))
        {
            foreach (var row in domain)
            {
                if (row.State == SigningKeyState.Waiting && await IsPublishedAsync(resolver, row, ct)) await PromoteAsync(row, ct);
                if (row.State == SigningKeyState.Retired && row.ChangedAt + RetiredFor < now) await DropAsync(row, ct);
            }
            var isOld = domain.Any(row => row.State == SigningKeyState.Signing && row.ChangedAt + Lifetime < now);
            if (isOld) await RotateAsync(Core.Domain.Parse(domain.Key), ct);
        }
    }

    public void Dispose()
    {
        foreach (var key in _opened.Values) key.Dispose();
    }

    private async ValueTask MakeAsync(Domain domain, SigningKeyState state, CancellationToken ct)
    {
        var stamp = _time.GetUtcNow().ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        // Made outside of the action: an RSA key takes its time.
        using var rsa = SigningKey.Make(domain.Ascii, stamp + "r" + Suffix(), SigningAlgorithm.RsaSha256);
        using var ed25519 = SigningKey.Make(domain.Ascii, stamp + "e" + Suffix(), SigningAlgorithm.Ed25519Sha256);
        var made = await _db.WriteAsync(
            tx =>
            {
                // Somebody else may have been faster.
                if (Rows(tx, domain.Ascii).Exists(row => row.State == state)) return false;
                Insert(tx, rsa, state);
                Insert(tx, ed25519, state);
                return true;
            },
            ct);
        if (!made) return;
        Forget(domain.Ascii);
        Log.KeysMade(_log, domain.Ascii, rsa.Selector, ed25519.Selector);
    }

    private static string Suffix() => RandomNumberGenerator.GetHexString(2, lowercase: true);

    private static async ValueTask<bool> IsPublishedAsync(Resolver resolver, Row row, CancellationToken ct) =>
        (await resolver.TxtAsync(row.View.Name, ct)).Records.Contains(row.Record);

    private async ValueTask PromoteAsync(Row row, CancellationToken ct)
    {
        await _db.WriteAsync(
            tx =>
            {
                Retire(tx, row.Domain, row.Algorithm);
                return tx.Prepare("UPDATE trust_key SET state = 1, changed = $1 WHERE number = $2 AND state = 0")
                    .Bind(tx.Now).Bind(row.Number).Execute();
            },
            ct);
        Forget(row.Domain);
        Log.KeySigns(_log, row.Domain, row.Selector);
    }

    private async ValueTask DropAsync(Row row, CancellationToken ct)
    {
        await _db.WriteAsync(tx => tx.Prepare("DELETE FROM trust_key WHERE number = $1 AND state = 2").Bind(row.Number).Execute(), ct);
        Log.KeyDropped(_log, row.Domain, row.Selector);
    }

    private static void Retire(Transaction tx, string domain, SigningAlgorithm algorithm) =>
        tx.Prepare("UPDATE trust_key SET state = 2, changed = $1 WHERE domain = $2 AND algorithm = $3 AND state = 1")
            .Bind(tx.Now).Bind(domain).Bind((long)algorithm).Execute();

    private Row Insert(Transaction tx, SigningKey key, SigningKeyState state)
    {
        var number = tx.Prepare("""
            INSERT INTO trust_key (domain, selector, algorithm, record, state, created, changed) VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING number
            """)
            .Bind(key.Domain).Bind(key.Selector).Bind((long)key.Algorithm).Bind(key.Record).Bind((long)state).Bind(tx.Now).Scalar()!.Value;
        tx.Prepare("UPDATE trust_key SET secret = $1 WHERE number = $2").Bind(_vault.Seal(tx, Purpose, [number], key.Secret)).Bind(number).Execute();
        return new Row(number, key.Domain, key.Selector, key.Algorithm, [], key.Record, state, tx.Now, tx.Now);
    }

    private List<SigningKey> Open(Snapshot db, string domain)
    {
        var keys = new List<SigningKey>();
        foreach (var row in Rows(db, domain))
        {
            if (row.State != SigningKeyState.Signing) continue;
            if (!_opened.TryGetValue(row.Number, out var key))
            {
                if (!_vault.TryOpen(db, Purpose, [row.Number], row.Secret, out var secret)) continue;
                key = _opened.GetOrAdd(row.Number, SigningKey.Restore(row.Domain, row.Selector, row.Algorithm, secret));
            }
            keys.Add(key);
        }
        keys.Sort(static (one, other) => one.Algorithm.CompareTo(other.Algorithm));
        return keys;
    }

    private void Forget(string domain) => _ready.TryRemove(domain, out _);

    private static List<Row> Rows(Snapshot db, string? domain)
    {
        var found = new List<Row>();
        var statement = domain is null
            ? db.Prepare($"SELECT {Columns} FROM trust_key ORDER BY domain, number DESC")
            : db.Prepare($"SELECT {Columns} FROM trust_key WHERE domain = $1 ORDER BY number DESC").Bind(domain);
        using var rows = statement.Query();
        while (rows.Next())
        {
            found.Add(new Row(
                rows.Int64(0), rows.Text(1), rows.Text(2), (SigningAlgorithm)rows.Int64(3), rows.Blob(4).ToArray(), rows.Text(5),
                (SigningKeyState)rows.Int64(6), rows.Time(7), rows.Time(8)));
        }
        return found;
    }

    private sealed record Row(
        long Number, string Domain, string Selector, SigningAlgorithm Algorithm, byte[] Secret, string Record, SigningKeyState State,
        DateTimeOffset CreatedAt, DateTimeOffset ChangedAt)
    {
        public SigningKeyView View => new(
            Domain, Selector, Algorithm == SigningAlgorithm.RsaSha256 ? "rsa-sha256" : "ed25519-sha256", State, Record, CreatedAt, ChangedAt);
    }
}
