using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Posthorn.Db.Tests;

public sealed class VaultTests : IDisposable
{
    private static readonly Schema Keys = new(
        "signing",
        [
            """
            CREATE TABLE signing_key (number BIGINT NOT NULL PRIMARY KEY, secret BLOB);
            CREATE TABLE relay (account BIGINT NOT NULL, number BIGINT NOT NULL, secret BLOB, PRIMARY KEY (account, number));
            """,
        ]);

    private static readonly SealedColumn[] Columns =
        [new("dkim", "signing_key", "secret", "number"), new("relay", "relay", "secret", "account", "number")];

    private readonly TestDirectory _directory = new();

    public static TheoryData<DatabaseKind> Kinds => [DatabaseKind.Sqlite, DatabaseKind.Postgres];

    private string KeyFile => Path.Combine(_directory.Path, "keys", "root.key");

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_secret_comes_back_after_reopening_and_is_nowhere_in_the_clear(DatabaseKind kind)
    {
        await using var test = await OpenDatabaseAsync(kind);
        using (var vault = await OpenAsync(test)) await PutAsync(test, vault, 1, "a secret that nobody reads");
        await test.ReopenAsync();
        using var again = await OpenAsync(test);
        Assert.Equal("a secret that nobody reads", await GetAsync(test, again, 1));
        var stored = await SealedAsync(test, 1);
        Assert.Equal("a secret that nobody reads".Length + Vault.OverheadBytes, stored.Length);
        Assert.Equal(-1, stored.AsSpan().IndexOf("secret"u8));
    }

    [Fact]
    public async Task No_changed_byte_and_no_shorter_value_opens()
    {
        await using var test = await OpenDatabaseAsync(DatabaseKind.Sqlite);
        using var vault = await OpenAsync(test);
        await PutAsync(test, vault, 1, "key");
        var value = await SealedAsync(test, 1);
        await test.Database.ReadAsync(s =>
        {
            for (var at = 0; at < value.Length; at++)
            {
                for (var bit = 0; bit < 8; bit++)
                {
                    var changed = (byte[])value.Clone();
                    changed[at] ^= (byte)(1 << bit);
                    Assert.False(vault.TryOpen(s, "dkim", [1], changed, out var secret));
                    Assert.Empty(secret);
                }

                Assert.False(vault.TryOpen(s, "dkim", [1], value.AsSpan(0, at), out _));
            }

            Assert.False(vault.TryOpen(s, "dkim", [1], [.. value, 0], out _));
            Assert.True(vault.TryOpen(s, "dkim", [1], value, out _));
            return 0;
        });
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_value_opens_in_its_own_row_and_for_its_own_purpose_alone(DatabaseKind kind)
    {
        await using var test = await OpenDatabaseAsync(kind);
        using var vault = await OpenAsync(test);
        await PutAsync(test, vault, 1, "one");
        await PutAsync(test, vault, 2, "two");
        var first = await SealedAsync(test, 1);
        var relay = await test.Database.WriteAsync(tx => vault.Seal(tx, "relay", [1, 2], "three"u8));
        await test.Database.ReadAsync(s =>
        {
            Assert.False(vault.TryOpen(s, "dkim", [2], first, out _));
            Assert.False(vault.TryOpen(s, "relay", [1, 0], first, out _));
            Assert.False(vault.TryOpen(s, "relay", [2, 1], relay, out _));
            Assert.False(vault.TryOpen(s, "dkim", [1], relay, out _));
            Assert.True(vault.TryOpen(s, "relay", [1, 2], relay, out _));
            Assert.Throws<InvalidOperationException>(() => vault.TryOpen(s, "totp", [1], relay, out _));
            Assert.Throws<InvalidOperationException>(() => vault.TryOpen(s, "relay", [1], relay, out _));
            return 0;
        });
    }

    [Fact]
    public async Task A_data_key_of_another_purpose_does_not_open()
    {
        await using var test = await OpenDatabaseAsync(DatabaseKind.Sqlite);
        using var vault = await OpenAsync(test);
        await PutAsync(test, vault, 1, "one");
        await test.Database.WriteAsync(tx => tx.Prepare("UPDATE vault_key SET purpose = 'relay'").Execute());
        var value = await SealedAsync(test, 1);
        await test.Database.ReadAsync(s => Assert.Throws<DatabaseUnavailableException>(() => vault.TryOpen(s, "relay", [1, 1], value, out _)));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Rotation_of_data_keys_leaves_no_value_and_no_key_behind(DatabaseKind kind)
    {
        await using var test = await OpenDatabaseAsync(kind);
        using var vault = await OpenAsync(test);
        for (var i = 1; i <= 250; i++) await PutAsync(test, vault, i, "secret " + i);
        await test.Database.WriteAsync(tx => tx.Prepare("INSERT INTO signing_key (number) VALUES (1000)").Execute());
        var before = await SealedAsync(test, 100);
        await vault.RotateDataKeysAsync(CancellationToken.None);
        Assert.NotEqual(before, await SealedAsync(test, 100));
        for (var i = 1; i <= 250; i += 83) Assert.Equal("secret " + i, await GetAsync(test, vault, i));
        Assert.Equal(1, await CountAsync(test, "SELECT COUNT(*) FROM vault_key WHERE purpose = 'dkim'"));
        Assert.Equal(0, await CountAsync(test, "SELECT COUNT(*) FROM vault_key WHERE retired_at IS NOT NULL"));
        await test.Database.ReadAsync(s =>
        {
            Assert.False(vault.TryOpen(s, "dkim", [100], before, out _));
            return 0;
        });
    }

    [Fact]
    public async Task An_old_data_key_stays_while_a_value_needs_it()
    {
        await using var test = await OpenDatabaseAsync(DatabaseKind.Sqlite);
        using var vault = await OpenAsync(test);
        await PutAsync(test, vault, 1, "one");
        await PutAsync(test, vault, 2, "two");
        var good = await SealedAsync(test, 1);
        var damaged = (byte[])good.Clone();
        damaged[^1] ^= 1;
        await SetAsync(test, 1, damaged);
        await vault.RotateDataKeysAsync(CancellationToken.None);
        Assert.Equal(damaged, await SealedAsync(test, 1));

        // The row comes back from a backup: its key is still there.
        await SetAsync(test, 1, good);
        Assert.Equal("one", await GetAsync(test, vault, 1));
        await vault.RotateDataKeysAsync(CancellationToken.None);
        Assert.Equal(("one", "two"), (await GetAsync(test, vault, 1), await GetAsync(test, vault, 2)));
        Assert.Equal(1, await CountAsync(test, "SELECT COUNT(*) FROM vault_key WHERE purpose = 'dkim'"));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Rotation_of_the_root_key_replaces_the_file(DatabaseKind kind)
    {
        await using var test = await OpenDatabaseAsync(kind);
        var (first, copy) = ("", KeyFile + ".copy");
        using (var vault = await OpenAsync(test))
        {
            await PutAsync(test, vault, 1, "one");
            File.Copy(KeyFile, copy);
            first = vault.RootKey;
            await vault.RotateRootKeyAsync(CancellationToken.None);
            Assert.NotEqual(first, vault.RootKey);
            Assert.Equal([vault.RootKey], await Vault.NeededRootKeysAsync(test.Database, CancellationToken.None));
            Assert.Equal("one", await GetAsync(test, vault, 1));
        }

        Assert.Single(await File.ReadAllLinesAsync(KeyFile));
        using (var vault = await OpenAsync(test)) Assert.Equal("one", await GetAsync(test, vault, 1));
        File.Move(copy, KeyFile, overwrite: true);
        var error = await Assert.ThrowsAsync<VaultLockedException>(() => OpenAsync(test));
        Assert.Contains($"holds only {first}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rotation_of_the_root_key_that_was_interrupted_goes_on()
    {
        await using var test = await OpenDatabaseAsync(DatabaseKind.Sqlite);
        var first = string.Empty;
        using (var vault = await OpenAsync(test))
        {
            await PutAsync(test, vault, 1, "one");
            first = await File.ReadAllTextAsync(KeyFile);
            await vault.RotateRootKeyAsync(CancellationToken.None);
        }

        // As after the first step of a second rotation: the new key is in the file, and nothing is sealed under it yet.
        var second = await File.ReadAllTextAsync(KeyFile);
        await File.WriteAllTextAsync(KeyFile, second + first);
        using var again = await OpenAsync(test);
        await again.RotateRootKeyAsync(CancellationToken.None);
        Assert.Equal(first, await File.ReadAllTextAsync(KeyFile));
        Assert.Equal("one", await GetAsync(test, again, 1));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Keys_may_be_rotated_while_secrets_are_written_and_read(DatabaseKind kind)
    {
        await using var test = await OpenDatabaseAsync(kind);
        using var vault = await OpenAsync(test);
        using var done = new CancellationTokenSource();
        var writers = Enumerable.Range(1, 6).Select(i => Task.Run(async () =>
        {
            var round = 0;
            while (!done.IsCancellationRequested || round == 0)
            {
                await PutAsync(test, vault, i, $"{i} {++round}");
                Assert.Equal($"{i} {round}", await GetAsync(test, vault, i));
            }

            return round;
        })).ToArray();
        for (var i = 0; i < 5; i++)
        {
            await vault.RotateDataKeysAsync(CancellationToken.None);
            await vault.RotateRootKeyAsync(CancellationToken.None);
        }

        await done.CancelAsync();
        var rounds = await Task.WhenAll(writers);
        for (var i = 1; i <= 6; i++) Assert.Equal($"{i} {rounds[i - 1]}", await GetAsync(test, vault, i));
        Assert.Equal([vault.RootKey], await Vault.NeededRootKeysAsync(test.Database, CancellationToken.None));
    }

    [Fact]
    public async Task A_missing_file_is_told_and_not_made_anew()
    {
        await using var test = await OpenDatabaseAsync(DatabaseKind.Sqlite);
        string name;
        using (var vault = await OpenAsync(test))
        {
            await PutAsync(test, vault, 1, "one");
            name = vault.RootKey;
        }

        File.Delete(KeyFile);
        var error = await Assert.ThrowsAsync<VaultLockedException>(() => OpenAsync(test));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        Assert.Contains("is missing", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(KeyFile));
    }

    [Theory]
    [InlineData("")]
    [InlineData("posthorn-root-key 0011223344556677 AAAA\n")]
    [InlineData("posthorn-root-key 0011223344556677 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("something else\n")]
    public async Task A_damaged_file_is_told_without_its_contents(string contents)
    {
        await using var test = await OpenDatabaseAsync(DatabaseKind.Sqlite);
        Directory.CreateDirectory(Path.GetDirectoryName(KeyFile)!);
        await File.WriteAllTextAsync(KeyFile, contents);
        var error = await Assert.ThrowsAsync<VaultLockedException>(() => OpenAsync(test));
        Assert.Contains(KeyFile, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("AAAA", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_file_is_its_owners_alone()
    {
        await using var test = await OpenDatabaseAsync(DatabaseKind.Sqlite);
        using var vault = await OpenAsync(test);
        await vault.RotateRootKeyAsync(CancellationToken.None);
        if (OperatingSystem.IsWindows()) return;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
        Assert.Equal(["root.key"], Directory.GetFiles(Path.GetDirectoryName(KeyFile)!).Select(Path.GetFileName));
    }

    private static Task<TestDatabase> OpenDatabaseAsync(DatabaseKind kind) => TestDatabase.OpenAsync(kind, null, Vault.Schema, Keys);

    private Task<Vault> OpenAsync(TestDatabase test) =>
        Vault.OpenAsync(test.Database, KeyFile, Columns, NullLoggerFactory.Instance, CancellationToken.None);

    private static async Task PutAsync(TestDatabase test, Vault vault, long number, string secret) => await test.Database.WriteAsync(
        tx => tx.Prepare("INSERT INTO signing_key (number, secret) VALUES ($1, $2) ON CONFLICT (number) DO UPDATE SET secret = excluded.secret")
            .Bind(number).Bind(vault.Seal(tx, "dkim", [number], Encoding.UTF8.GetBytes(secret))).Execute());

    private static async Task SetAsync(TestDatabase test, long number, byte[] value) => await test.Database.WriteAsync(
        tx => tx.Prepare("UPDATE signing_key SET secret = $1 WHERE number = $2").Bind(value).Bind(number).Execute());

    private static async Task<string?> GetAsync(TestDatabase test, Vault vault, long number) => await test.Database.ReadAsync(
        s => vault.TryOpen(s, "dkim", [number], Sealed(s, number), out var secret) ? Encoding.UTF8.GetString(secret) : null);

    private static async Task<byte[]> SealedAsync(TestDatabase test, long number) => await test.Database.ReadAsync(s => Sealed(s, number));

    private static byte[] Sealed(Snapshot snapshot, long number)
    {
        using var rows = snapshot.Prepare("SELECT secret FROM signing_key WHERE number = $1").Bind(number).Query();
        Assert.True(rows.Next());
        return rows.Blob(0).ToArray();
    }

    private static async Task<long?> CountAsync(TestDatabase test, string sql) => await test.Database.ReadAsync(s => s.Prepare(sql).Scalar());
}
