using System.Net;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Imap.Tests;

/// <summary>The real room over a real store in a directory of its own, reached over in-memory connections.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    public const string User = "ann@example.test";
    public const string Password = "correct horse";

    private readonly string _folder;
    private readonly Database _db;
    private readonly Database _searchDb;
    private readonly BlobStore _blobs;
    private readonly MailDirectory _directory;
    private readonly List<(WireLink Link, Task Session)> _links = [];
    private readonly CollectingLog _log;

    private readonly TimeProvider _wireTime;

    private TestServer(
        string folder, (Database Mail, Database Search) db, BlobStore blobs, MailDirectory directory, MailStore store, ImapServer imap,
        CollectingLog log, AccountId account, TimeProvider wireTime)
    {
        (_folder, _db, _searchDb, _blobs, _directory) = (folder, db.Mail, db.Search, blobs, directory);
        (Store, Imap, _log, Account, _wireTime) = (store, imap, log, account, wireTime);
    }

    public MailStore Store { get; }

    public ImapServer Imap { get; }

    public AccountId Account { get; }

    /// <summary>Ends when the server is through with the newest connection.</summary>
    public Task LastSession
    {
        get
        {
            lock (_links) return _links[^1].Session;
        }
    }

    /// <summary>A store with ann's account in it.</summary>
    /// <param name="ct">Ends the start.</param>
    /// <param name="plaintext">Passwords are taken in the clear.</param>
    /// <param name="wireTime">The clock of the connections.</param>
    /// <param name="settings">The operator's.</param>
    /// <param name="tls">For STARTTLS.</param>
    public static async Task<TestServer> StartAsync(
        CancellationToken ct, bool plaintext = true, ImapSettings? settings = null, TimeProvider? wireTime = null, TlsServer? tls = null)
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("imap-").FullName;
        var time = TimeProvider.System;
        var logs = NullLoggerFactory.Instance;
        var files = new DatabaseSettings { Directory = folder, Durable = false };
        var db = await Database.OpenAsync(files, [BlobStore.Schema, MailDirectory.Schema, MailStore.Schema], time, logs, ct);
        var searchDb = await Database.OpenAsync(files with { Name = "search" }, [SearchIndex.Schema], time, logs, ct);
        var blobs = await BlobStore.OpenAsync(db, "segments:", Path.Combine(folder, "blobs"), time, logs, ct);
        var store = await MailStore.OpenAsync(db, searchDb, blobs, time, logs, ct);
        var directory = MailDirectory.Open(
            db, new DirectorySettings { AllowPlaintextOnLoopback = plaintext, PasswordCost = new Argon2Cost(1024, 1) }, time, logs);
        directory.Accounts.Provisioning.Add((tx, account) => store.CreateAccount(tx, account.Id, account.QuotaBytes, account.QuotaMessages));
        directory.Accounts.QuotaChanged.Add((tx, account, quota) => store.SetQuota(tx, account, quota.Bytes, quota.Messages));
        (await directory.Domains.AddAsync(Authority.System, Domain.Parse("example.test"), ct)).Require();
        var ann = (await directory.Accounts.AddAsync(
            Authority.System, new NewAccount(EmailAddress.Parse(User)) { Password = Encoding.UTF8.GetBytes(Password) }, ct)).Require();
        var log = new CollectingLog();
        var imap = new ImapServer(settings ?? new ImapSettings(), store, directory, tls, log);
        return new TestServer(folder, (db, searchDb), blobs, directory, store, imap, log, ann.Id, wireTime ?? time);
    }

    /// <summary>The client's end of a new connection.</summary>
    public WireConnection Connect(IPEndPoint? from = null)
    {
        var link = new WireLink(ImapServer.Limits, _wireTime, from);
        link.Client.Limits = new WireLimits { LineOctetsMax = 16 * 1024 * 1024, IdleTimeout = TimeSpan.FromMinutes(5) };
        lock (_links) _links.Add((link, ServeAsync(link)));
        return link.Client;
    }

    public async Task<TestClient> ClientAsync(CancellationToken ct, bool login = true)
    {
        var client = new TestClient(Connect());
        await client.ReadLineAsync(ct);
        if (login) await client.OkAsync($"LOGIN {User} \"{Password}\"", ct);
        return client;
    }

    public async Task MakeAdministratorAsync(CancellationToken ct) =>
        (await _directory.Accounts.ChangeAsync(
            Authority.System, EmailAddress.Parse(User), new AccountChange { Role = Role.Admin }, ct)).Require();

    /// <summary>As when the program is asked to stop.</summary>
    public void Stop()
    {
        lock (_links) _links.ForEach(static link => link.Link.Stop());
    }

    /// <summary>A message comes into a mailbox without any session's doing.</summary>
    public async Task<Appended> DeliverAsync(string mailbox, ReadOnlyMemory<byte> message, CancellationToken ct, SystemFlags flags = SystemFlags.None)
    {
        var target = await Store.Mailboxes.FindAsync(Account, mailbox, ct) ?? throw new InvalidOperationException($"there is no {mailbox}");
        var staged = await Store.StageAsync(message, ct);
        var at = new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
        return (await Store.Emails.AppendAsync(Account, target.Id, [staged.ToEmail(flags, [], at)], ct)).Require();
    }

    /// <summary>Brings the stored mail into a state that only time or an older release brings about.</summary>
    public async Task AlterAsync(string sql, CancellationToken ct) => await _db.WriteAsync(tx => tx.Prepare(sql).Execute(), ct);

    public async ValueTask DisposeAsync()
    {
        foreach (var (link, session) in _links)
        {
            // The client leaves, the session sees it and ends; only then may its end of the wire go.
            await link.Client.DisposeAsync();
            await session;
            await link.DisposeAsync();
        }
        _directory.Dispose();
        await Store.DisposeAsync();
        await _blobs.DisposeAsync();
        await _searchDb.DisposeAsync();
        await _db.DisposeAsync();
        System.IO.Directory.Delete(_folder, recursive: true);
        if (_log.Failures.Count > 0) throw new InvalidOperationException("the server logged failures:\n" + string.Join('\n', _log.Failures));
    }

    private async Task ServeAsync(WireLink link)
    {
        await Imap.ServeAsync(link.Server);
        await link.Server.DisposeAsync();
    }

    /// <summary>An error in the log is a failed test, whatever the client saw.</summary>
    private sealed class CollectingLog : ILogger<ImapServer>
    {
        public List<string> Failures { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel < LogLevel.Error) return;
            lock (Failures) Failures.Add(formatter(state, exception) + "\n" + exception);
        }
    }
}
