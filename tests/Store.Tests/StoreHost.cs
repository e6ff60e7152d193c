using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Db.Tests;

namespace Posthorn.Store.Tests;

/// <summary>A store over SQLite in a directory of its own, or over PostgreSQL in a schema of its own; both can be closed and opened again.</summary>
internal sealed class StoreHost : IAsyncDisposable
{
    public static readonly AccountId Account = new(7);

    private readonly string _directory;
    private readonly string _url;
    private readonly string _name;
    private readonly bool _owner;
    public Database? SearchDb { get; private set; }

    private StoreHost(string directory, string url, string name, bool owner) =>
        (_directory, _url, _name, _owner) = (directory, url, name, owner);

    public Database Db { get; private set; } = null!;

    public BlobStore Blobs { get; private set; } = null!;

    public MailStore Store { get; private set; } = null!;

    public Emails Emails => Store.Emails;

    public Mailboxes Mailboxes => Store.Mailboxes;

    public static async Task<StoreHost> OpenAsync(DatabaseKind kind, bool withAccount = true)
    {
        var directory = Directory.CreateTempSubdirectory("posthorn-store-").FullName;
        var url = kind == DatabaseKind.Sqlite ? "sqlite:" : (await PostgresCluster.Shared).Url;
        var name = kind == DatabaseKind.Sqlite ? "posthorn" : PostgresCluster.NewName();
        var host = new StoreHost(directory, url, name, true);
        await host.StartAsync();
        if (withAccount) await host.AddAccountAsync(Account);
        return host;
    }

    /// <summary>Another node over the same PostgreSQL schema.</summary>
    public async Task<StoreHost> JoinAsync()
    {
        var host = new StoreHost(_directory, _url, _name, false);
        await host.StartAsync();
        return host;
    }

    public Task AddAccountAsync(AccountId account, long? quotaBytes = null, long? quotaMessages = null) =>
        Db.WriteAsync(tx =>
        {
            Store.CreateAccount(tx, account, quotaBytes, quotaMessages);
            return true;
        }).AsTask();

    public Task<NewEmail> StageAsync(
        string subject = "Hello", string body = "A line.\r\n", SystemFlags flags = SystemFlags.None, params string[] keywords) =>
        Mail.StageAsync(Blobs, Mail.Text(subject, body), flags, keywords);

    public async Task<Delivered> DeliverAsync(NewEmail email, MailboxId? mailbox = null, AccountId? account = null) =>
        await Db.WriteAsync(tx => Emails.Deliver(tx, account ?? Account, mailbox, email));

    public async Task<Delivered> DeliverAsync(string subject = "Hello", MailboxId? mailbox = null) =>
        await DeliverAsync(await StageAsync(subject), mailbox);

    public async Task<MailboxSnapshot> SnapshotAsync(MailboxId mailbox)
    {
        using var view = await Mailboxes.OpenAsync(Account, mailbox) ?? throw new InvalidOperationException("no such mailbox");
        return view.Current;
    }

    public async Task ReopenAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public async Task AssertSoundAsync()
    {
        var report = await Store.VerifyAsync(CancellationToken.None);
        Xunit.Assert.True(report.Findings.Count == 0, string.Join("\n", report.Findings));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_owner) Directory.Delete(_directory, recursive: true);
    }

    private async Task StartAsync()
    {
        var logs = NullLoggerFactory.Instance;
        var sqlite = _url == "sqlite:";
        var settings = new DatabaseSettings { Url = _url, Directory = _directory, Name = _name, ConnectionsMax = 6 };
        var schemas = MailStore.Schemas(sqlite ? DatabaseKind.Sqlite : DatabaseKind.Postgres);
        Db = await Database.OpenAsync(settings, schemas, TimeProvider.System, logs, default);
        Blobs = await BlobStore.OpenAsync(
            Db, sqlite ? "segments:" : "database:", Path.Combine(_directory, "blobs"), TimeProvider.System, logs, default);
        if (sqlite)
        {
            SearchDb = await Database.OpenAsync(
                settings with { Name = "search", Durable = false }, [SearchIndex.Schema], TimeProvider.System, logs, default);
        }

        Store = await MailStore.OpenAsync(Db, SearchDb, Blobs, TimeProvider.System, logs, default);
    }

    private async Task StopAsync()
    {
        await Store.DisposeAsync();
        await Blobs.DisposeAsync();
        if (SearchDb is not null) await SearchDb.DisposeAsync();
        await Db.DisposeAsync();
    }
}
