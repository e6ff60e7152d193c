using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

/// <summary>
/// Secrets at rest: sealed with AES-256-GCM (NIST SP 800-38D) under the data key of their purpose, which is itself sealed, in
/// the table vault_key, under a root key that lies in a file. A sealed value is bound to its purpose and its row: moved
/// elsewhere or changed in one bit, it does not open. Whoever has the database alone, or the file alone, has nothing. Data keys
/// are opened when they are needed and wiped at once; only root keys stay in memory.
/// </summary>
public sealed class Vault : IDisposable
{
    private const int KeyBytes = RootKeys.KeyBytes;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    /// <summary>0 version · 1 data key, 4 bytes big-endian · 5 nonce · 17 the secret, encrypted · 16 bytes of tag.</summary>
    private const byte Version = 1;
    private const int KeyAt = 1;
    private const int NonceAt = HeadBytes;
    private const int SecretAt = NonceAt + NonceBytes;
    internal const int HeadBytes = 5;
    private const int RotateSliceRows = 100;

    private readonly Database _database;
    private readonly ILogger _log;
    private readonly IReadOnlyList<SealedColumn> _columns;
    private readonly SemaphoreSlim _rotation = new(1);
    private readonly RootKeys _roots;

    private Vault(Database database, RootKeys roots, IReadOnlyList<SealedColumn> columns, ILogger log) =>
        (_database, _roots, _columns, _log) = (database, roots, columns, log);

    /// <summary>What a sealed value is longer than its secret.</summary>
    public static int OverheadBytes => SecretAt + TagBytes;

    public static Schema Schema { get; } = new(
        "vault",
        [
            """
            CREATE TABLE vault_key (
                number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                purpose TEXT NOT NULL,
                root TEXT NOT NULL,
                sealed BLOB NOT NULL,
                created_at BIGINT NOT NULL,
                retired_at BIGINT);
            CREATE INDEX vault_key_by_purpose ON vault_key (purpose, number);
            """,
        ]);

    /// <summary>The name of the root key that new data keys are sealed under.</summary>
    public string RootKey => _roots.Newest;

    /// <param name="keys">The file of root keys, made at the first start: <c>keys/root.key</c> in the data directory unless the
    /// operator says otherwise.</param>
    /// <param name="columns">Every column in which a room keeps sealed values: a rotation seals them anew.</param>
    /// <exception cref="VaultLockedException">A root key that the database needs is not there.</exception>
    public static async Task<Vault> OpenAsync(
        Database database, string keys, IReadOnlyList<SealedColumn> columns, ILoggerFactory logs, CancellationToken ct)
    {
        var log = logs.CreateLogger("Posthorn.Db.Vault");
        var needed = await NeededRootKeysAsync(database, ct);
        var roots = RootKeys.Open(keys, mayCreate: needed.Count == 0, log);
        try
        {
            var missing = needed.Where(n => !roots.Knows(n)).ToList();
            if (missing.Count > 0) throw new VaultLockedException(missing, roots);
            return new Vault(database, roots, columns, log);
        }
        catch
        {
            roots.Dispose();
            throw;
        }
    }

    /// <summary>The names of the root keys without which this database's secrets are lost: what a backup must say.</summary>
    public static async Task<IReadOnlyList<string>> NeededRootKeysAsync(Database database, CancellationToken ct) =>
        await database.ReadAsync(NeededRoots, ct);

    /// <summary>Seals a secret for one row, within the action that writes the row.</summary>
    /// <param name="purpose">What it is, one of the declared columns' purposes; each has data keys of its own.</param>
    /// <param name="row">The row's key, as the column declares it.</param>
    public byte[] Seal(Transaction tx, string purpose, ReadOnlySpan<long> row, ReadOnlySpan<byte> secret)
    {
        Declared(purpose, row);
        var key = Current(tx, purpose) ?? Create(tx, purpose);
        return SealUnder(key, purpose, row, secret);
    }

    /// <summary>False when the bytes were not sealed for this purpose and row, or are damaged. The caller wipes the secret after use.</summary>
    /// <exception cref="VaultLockedException">Its root key is not there.</exception>
    public bool TryOpen(Snapshot snapshot, string purpose, ReadOnlySpan<long> row, ReadOnlySpan<byte> value, out byte[] secret)
    {
        Declared(purpose, row);
        if (value.Length >= OverheadBytes && value[0] == Version && Find(snapshot, KeyNumber(value)) is { } key && key.Purpose == purpose
            && TryOpenUnder(key, row, value, out secret)) return true;
        Log.SecretRefused(_log, purpose, string.Join('/', row.ToArray()));
        secret = [];
        return false;
    }

    /// <summary>Gives every purpose a new data key, seals every value anew, and deletes the old keys that nothing needs any more.</summary>
    public async Task RotateDataKeysAsync(CancellationToken ct)
    {
        await _rotation.WaitAsync(ct);
        try
        {
            foreach (var purpose in _columns.Select(c => c.Purpose).Distinct(StringComparer.Ordinal))
            {
                await _database.WriteAsync(tx => Renew(tx, purpose), ct);
                foreach (var column in _columns.Where(c => c.Purpose == purpose)) await ResealAsync(column, ct);
                await _database.WriteAsync(tx => DeleteUnused(tx, purpose), ct);
            }
        }
        finally
        {
            _rotation.Release();
        }
    }

    /// <summary>
    /// Adds a root key to the file, seals every data key under it in one action, and takes the old ones out of the file. A file
    /// whose last key is not in use yet is taken at its word: an interrupted rotation goes on, and an operator may bring the
    /// new key himself.
    /// </summary>
    /// <exception cref="VaultLockedException">The file cannot be written.</exception>
    public async Task RotateRootKeyAsync(CancellationToken ct)
    {
        await _rotation.WaitAsync(ct);
        try
        {
            _roots.Reload();
            var needed = await NeededRootKeysAsync(_database, ct);
            if (needed.Count == 0 || needed.Contains(_roots.Newest)) _roots.Add();
            await _database.WriteAsync(SealKeysUnderNewest, ct);
            _roots.KeepNewest();
        }
        finally
        {
            _rotation.Release();
        }
    }

    public void Dispose()
    {
        _rotation.Dispose();
        _roots.Dispose();
    }

    private static IReadOnlyList<string> NeededRoots(Snapshot snapshot)
    {
        var roots = new List<string>();
        using var rows = snapshot.Prepare("SELECT DISTINCT root FROM vault_key ORDER BY root").Query();
        while (rows.Next()) roots.Add(rows.Text(0));
        return roots;
    }

    private void Declared(string purpose, ReadOnlySpan<long> row)
    {
        foreach (var column in _columns)
        {
            if (column.Purpose == purpose && column.Keys.Count == row.Length) return;
        }

        throw new InvalidOperationException($"No column of {row.Length} keys is declared for the purpose {purpose}");
    }

    /// <summary>The purpose's newest key. On PostgreSQL a share of its lock keeps it from being deleted before this action commits.</summary>
    private static DataKey? Current(Transaction tx, string purpose)
    {
        var sql = tx.Kind == DatabaseKind.Sqlite
            ? "SELECT number, purpose, root, sealed FROM vault_key WHERE purpose = $1 AND retired_at IS NULL ORDER BY number DESC LIMIT 1"
            : "SELECT number, purpose, root, sealed FROM vault_key WHERE purpose = $1 AND retired_at IS NULL ORDER BY number DESC LIMIT 1 FOR SHARE";

        // A rotation that commits meanwhile retires the row that was waited for; its successor is found by looking again.
        return One(tx.Prepare(sql).Bind(purpose)) ?? (tx.Kind == DatabaseKind.Sqlite ? null : One(tx.Prepare(sql).Bind(purpose)));
    }

    private static DataKey? Find(Snapshot snapshot, long number) =>
        One(snapshot.Prepare("SELECT number, purpose, root, sealed FROM vault_key WHERE number = $1").Bind(number));

    private static DataKey? One(Statement statement)
    {
        using var rows = statement.Query();
        return rows.Next() ? new DataKey(rows.Int64(0), rows.Text(1), rows.Text(2), rows.Blob(3).ToArray()) : null;
    }

    private DataKey Create(Transaction tx, string purpose)
    {
        // Either the rotation of the root key waits for this commit and seals this key too, or this key begins under the new one.
        LockRoot(tx, exclusive: false);
        _roots.Reload();
        Span<byte> key = stackalloc byte[KeyBytes];
        RandomNumberGenerator.Fill(key);
        try
        {
            var root = _roots.Newest;
            var sealedKey = WrapKey(root, purpose, key);
            var number = tx.Prepare("INSERT INTO vault_key (purpose, root, sealed, created_at) VALUES ($1, $2, $3, $4) RETURNING number")
                .Bind(purpose).Bind(root).Bind(sealedKey).Bind(tx.Now).Scalar()!.Value;
            return new DataKey(number, purpose, root, sealedKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private byte[] WrapKey(string root, string purpose, ReadOnlySpan<byte> key)
    {
        var wrapped = new byte[NonceBytes + KeyBytes + TagBytes];
        RandomNumberGenerator.Fill(wrapped.AsSpan(0, NonceBytes));
        using var cipher = new AesGcm(_roots.Get(root), TagBytes);
        cipher.Encrypt(
            wrapped.AsSpan(0, NonceBytes), key, wrapped.AsSpan(NonceBytes, KeyBytes), wrapped.AsSpan(NonceBytes + KeyBytes), KeyBinding(purpose));
        return wrapped;
    }

    private void UnwrapKey(DataKey key, Span<byte> plain)
    {
        if (!_roots.Knows(key.Root)) _roots.Reload();
        if (!_roots.Knows(key.Root)) throw new VaultLockedException([key.Root], _roots);
        var wrapped = key.Sealed.AsSpan();
        if (wrapped.Length != NonceBytes + KeyBytes + TagBytes) throw Damaged(key);
        using var cipher = new AesGcm(_roots.Get(key.Root), TagBytes);
        try
        {
            cipher.Decrypt(
                wrapped[..NonceBytes], wrapped.Slice(NonceBytes, KeyBytes), wrapped[(NonceBytes + KeyBytes)..], plain, KeyBinding(key.Purpose));
        }
        catch (AuthenticationTagMismatchException error)
        {
            throw Damaged(key, error);
        }
    }

    private static DatabaseUnavailableException Damaged(DataKey key, Exception? error = null) =>
        new(DatabaseFault.Corrupt, $"Data key {key.Number} of the vault ({key.Purpose}) is damaged: the root key {key.Root} does not open it", error);

    private byte[] SealUnder(DataKey key, string purpose, ReadOnlySpan<long> row, ReadOnlySpan<byte> secret)
    {
        var value = new byte[OverheadBytes + secret.Length];
        value[0] = Version;
        BinaryPrimitives.WriteUInt32BigEndian(value.AsSpan(KeyAt), checked((uint)key.Number));
        RandomNumberGenerator.Fill(value.AsSpan(NonceAt, NonceBytes));
        Span<byte> plainKey = stackalloc byte[KeyBytes];
        try
        {
            UnwrapKey(key, plainKey);
            using var cipher = new AesGcm(plainKey, TagBytes);
            cipher.Encrypt(
                value.AsSpan(NonceAt, NonceBytes), secret, value.AsSpan(SecretAt, secret.Length), value.AsSpan(SecretAt + secret.Length),
                Binding(value.AsSpan(0, NonceAt), purpose, row));
            return value;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plainKey);
        }
    }

    private bool TryOpenUnder(DataKey key, ReadOnlySpan<long> row, ReadOnlySpan<byte> value, out byte[] secret)
    {
        var length = value.Length - OverheadBytes;
        secret = new byte[length];
        Span<byte> plainKey = stackalloc byte[KeyBytes];
        try
        {
            UnwrapKey(key, plainKey);
            using var cipher = new AesGcm(plainKey, TagBytes);
            cipher.Decrypt(
                value.Slice(NonceAt, NonceBytes), value.Slice(SecretAt, length), value[(SecretAt + length)..], secret,
                Binding(value[..NonceAt], key.Purpose, row));
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plainKey);
        }
    }

    private static long KeyNumber(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadUInt32BigEndian(value[KeyAt..]);

    /// <summary>What a value is bound to. A purpose holds no NUL, so no two differ only in where one part ends.</summary>
    private static byte[] Binding(ReadOnlySpan<byte> head, string purpose, ReadOnlySpan<long> row)
    {
        var name = Encoding.UTF8.GetBytes(purpose);
        var bytes = new byte[head.Length + name.Length + 1 + row.Length * sizeof(long)];
        head.CopyTo(bytes);
        name.CopyTo(bytes, head.Length);
        for (var i = 0; i < row.Length; i++)
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(head.Length + name.Length + 1 + i * sizeof(long)), row[i]);
        return bytes;
    }

    private static byte[] KeyBinding(string purpose) => Encoding.UTF8.GetBytes("posthorn data key\0" + purpose);

    private int Renew(Transaction tx, string purpose)
    {
        tx.Prepare("UPDATE vault_key SET retired_at = $1 WHERE purpose = $2 AND retired_at IS NULL").Bind(tx.Now).Bind(purpose).Execute();
        Create(tx, purpose);
        return 0;
    }

    private async Task ResealAsync(SealedColumn column, CancellationToken ct)
    {
        var after = Enumerable.Repeat(long.MinValue, column.Keys.Count).ToArray();
        while (await _database.WriteAsync(tx => ResealSome(tx, column, after), ct) is { } last) after = last;
    }

    /// <summary>The key of the last row that was looked at; null at the end.</summary>
    private long[]? ResealSome(Transaction tx, SealedColumn column, long[] after)
    {
        if (Current(tx, column.Purpose) is not { } current) return null;
        var found = column.Read(tx, after, RotateSliceRows);
        foreach (var (row, value) in found)
        {
            if (KeyNumber(value) == current.Number || !TryOpen(tx, column.Purpose, row, value, out var secret)) continue;
            try
            {
                column.Replace(tx, row, value, SealUnder(current, column.Purpose, row, secret));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(secret);
            }
        }

        return found.Count == RotateSliceRows ? found[^1].Row : null;
    }

    private int DeleteUnused(Transaction tx, string purpose)
    {
        var retired = new List<long>();
        var sql = "SELECT number FROM vault_key WHERE purpose = $1 AND retired_at IS NOT NULL";
        using (var rows = tx.Prepare(tx.Kind == DatabaseKind.Sqlite ? sql : sql + " FOR UPDATE").Bind(purpose).Query())
        {
            while (rows.Next()) retired.Add(rows.Int64(0));
        }

        Span<byte> head = stackalloc byte[NonceAt];
        head[0] = Version;
        var deleted = 0;
        foreach (var number in retired)
        {
            BinaryPrimitives.WriteUInt32BigEndian(head[KeyAt..], (uint)number);
            var needed = false;
            foreach (var column in _columns) needed |= column.Purpose == purpose && column.AnyStartsWith(tx, head);
            if (!needed) deleted += tx.Prepare("DELETE FROM vault_key WHERE number = $1").Bind(number).Execute();
        }

        return deleted;
    }

    private int SealKeysUnderNewest(Transaction tx)
    {
        LockRoot(tx, exclusive: true);
        var keys = new List<DataKey>();
        var sql = "SELECT number, purpose, root, sealed FROM vault_key ORDER BY number";
        using (var rows = tx.Prepare(tx.Kind == DatabaseKind.Sqlite ? sql : sql + " FOR UPDATE").Query())
        {
            while (rows.Next()) keys.Add(new DataKey(rows.Int64(0), rows.Text(1), rows.Text(2), rows.Blob(3).ToArray()));
        }

        Span<byte> plain = stackalloc byte[KeyBytes];
        try
        {
            foreach (var key in keys)
            {
                UnwrapKey(key, plain);
                tx.Prepare("UPDATE vault_key SET root = $1, sealed = $2 WHERE number = $3")
                    .Bind(_roots.Newest).Bind(WrapKey(_roots.Newest, key.Purpose, plain)).Bind(key.Number).Execute();
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }

        return keys.Count;
    }

    /// <summary>One writer needs no lock on SQLite.</summary>
    private static void LockRoot(Transaction tx, bool exclusive)
    {
        if (tx.Kind == DatabaseKind.Sqlite) return;
        using var rows = tx.Prepare(exclusive ? PostgresDialect.VaultLock : PostgresDialect.VaultLockShared).Query();
        rows.Next();
    }

    private sealed record DataKey(long Number, string Purpose, string Root, byte[] Sealed);
}
