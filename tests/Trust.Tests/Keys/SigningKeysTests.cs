using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Db.Tests;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class SigningKeysTests
{
    private static readonly Domain Example = Domain.Parse("example.org");

    public static TheoryData<DatabaseKind> Kinds => [DatabaseKind.Sqlite, DatabaseKind.Postgres];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_domain_has_a_key_of_each_kind_once(DatabaseKind kind)
    {
        await using var house = await KeyHouse.OpenAsync(kind);
        await house.Keys.EnsureAsync(Example);
        await house.Keys.EnsureAsync(Example);
        Assert.Equal(["rsa-sha256", "ed25519-sha256"], (await house.Keys.ReadyAsync(Example)).Select(key => key.AlgorithmName));
        Assert.All(await house.Keys.ListAsync(Example), key => Assert.Equal(SigningKeyState.Signing, key.State));
        Assert.Empty(await house.Keys.ReadyAsync(Domain.Parse("other.org")));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Keys_survive_a_restart_and_their_secrets_stand_nowhere(DatabaseKind kind)
    {
        await using var house = await KeyHouse.OpenAsync(kind);
        await house.Keys.EnsureAsync(Example);
        var before = (await house.Keys.ReadyAsync(Example)).ToList();
        var secret = before[0].Secret.ToArray();
        var stored = await house.Db.ReadAsync(db =>
        {
            using var rows = db.Prepare("SELECT secret FROM trust_key ORDER BY number").Query();
            return rows.Next() ? rows.Blob(0).ToArray() : [];
        }, TestContext.Current.CancellationToken);
        Assert.True(stored.AsSpan().IndexOf(secret.AsSpan(40, 32)) < 0);
        using var again = house.Reopen();
        Assert.Equal(before.Select(key => key.Record), (await again.ReadyAsync(Example)).Select(key => key.Record));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task New_keys_sign_when_they_are_published_and_old_ones_go_later(DatabaseKind kind)
    {
        await using var house = await KeyHouse.OpenAsync(kind);
        await house.Keys.EnsureAsync(Example);
        var old = (await house.Keys.ReadyAsync(Example)).Select(key => key.Selector).ToList();
        await house.Keys.RotateAsync(Example);
        await house.Keys.RotateAsync(Example);
        var waiting = (await house.Keys.ListAsync(Example)).Where(key => key.State == SigningKeyState.Waiting).ToList();
        Assert.Equal(2, waiting.Count);

        await house.TendAsync("");
        Assert.Equal(old, (await house.Keys.ReadyAsync(Example)).Select(key => key.Selector));
        await house.TendAsync(string.Concat(waiting.Select(key =>
            $"{key.Name}. TXT {string.Join(' ', key.Record.Chunk(200).Select(part => $"\"{new string(part)}\""))}\n")));
        Assert.Equal(waiting.Select(key => key.Selector).Order(), (await house.Keys.ReadyAsync(Example)).Select(key => key.Selector).Order());
        Assert.Equal(2, (await house.Keys.ListAsync(Example)).Count(key => key.State == SigningKeyState.Retired));

        house.Clock.Advance(SigningKeys.RetiredFor + TimeSpan.FromHours(1));
        await house.TendAsync("");
        Assert.Equal(waiting.Select(key => key.Selector).Order(), (await house.Keys.ListAsync(Example)).Select(key => key.Selector).Order());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_key_that_has_signed_for_a_year_is_followed(DatabaseKind kind)
    {
        await using var house = await KeyHouse.OpenAsync(kind);
        await house.Keys.EnsureAsync(Example);
        house.Clock.Advance(SigningKeys.Lifetime + TimeSpan.FromDays(1));
        await house.TendAsync("");
        Assert.Equal(2, (await house.Keys.ListAsync(Example)).Count(key => key.State == SigningKeyState.Waiting));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_key_that_comes_along_takes_over_from_its_kind(DatabaseKind kind)
    {
        await using var house = await KeyHouse.OpenAsync(kind);
        await house.Keys.EnsureAsync(Example);
        using var pair = RSA.Create(2048);
        Assert.True((await house.Keys.ImportAsync(Example, "old_mail", pair.ExportPkcs8PrivateKeyPem())).Ok);
        var ready = await house.Keys.ReadyAsync(Example);
        Assert.Equal("old_mail", ready[0].Selector);
        Assert.Equal("ed25519-sha256", ready[1].AlgorithmName);
        Assert.Equal(RefusalKind.AlreadyExists, (await house.Keys.ImportAsync(Example, "OLD_mail", pair.ExportPkcs8PrivateKeyPem())).Refusal!.Kind);
        Assert.Equal(RefusalKind.Invalid, (await house.Keys.ImportAsync(Example, "a b", pair.ExportPkcs8PrivateKeyPem())).Refusal!.Kind);
        Assert.Equal(RefusalKind.Invalid, (await house.Keys.ImportAsync(Example, "x", pair.ExportSubjectPublicKeyInfoPem())).Refusal!.Kind);
        await house.Keys.RemoveAsync(Example);
        Assert.Empty(await house.Keys.ReadyAsync(Example));
    }

    private sealed class KeyHouse : IAsyncDisposable
    {
        private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("posthorn-trust-").FullName;
        private Vault _vault = null!;

        public FakeTimeProvider Clock { get; } = new(new(2026, 11, 25, 10, 0, 0, TimeSpan.Zero));

        public Database Db { get; private set; } = null!;

        public SigningKeys Keys { get; private set; } = null!;

        public static async Task<KeyHouse> OpenAsync(DatabaseKind kind)
        {
            var house = new KeyHouse();
            var url = kind == DatabaseKind.Sqlite ? "sqlite:" : (await PostgresCluster.Shared).Url;
            var settings = new DatabaseSettings { Url = url, Directory = house._folder, Name = PostgresCluster.NewName() };
            house.Db = await Database.OpenAsync(settings, [Vault.Schema, MailTrust.Schema], house.Clock, NullLoggerFactory.Instance, default);
            house._vault = await Vault.OpenAsync(
                house.Db, Path.Combine(house._folder, "root.key"), MailTrust.SealedColumns, NullLoggerFactory.Instance, default);
            house.Keys = house.Reopen();
            return house;
        }

        public SigningKeys Reopen() => SigningKeys.Open(Db, _vault, Clock, NullLoggerFactory.Instance);

        public async Task TendAsync(string zone)
        {
            await using var file = new ZoneFile(zone);
            await Keys.TendAsync(file.Resolver, TestContext.Current.CancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            Keys.Dispose();
            _vault.Dispose();
            await Db.DisposeAsync();
            System.IO.Directory.Delete(_folder, recursive: true);
        }
    }
}
