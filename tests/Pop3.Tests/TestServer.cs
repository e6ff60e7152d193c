using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Pop3.Tests;

/// <summary>The real room over a real store in a directory of its own, reached over in-memory connections.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    public const string User = "ann@example.test";
    public const string Password = "correct horse";

    private static readonly SslStreamCertificateContext Certificate = MakeCertificate();

    private readonly string _folder;
    private readonly Database _db;
    private readonly Database _searchDb;
    private readonly BlobStore _blobs;
    private readonly MailDirectory _directory;
    private readonly MaildropDoors _doors;
    private readonly TlsServer _tls = new(_ => Certificate);
    private readonly CollectingLog _log = new();
    private readonly List<(WireLink Link, Task Session)> _links = [];

    private TestServer(
        string folder, (Database Mail, Database Search) db, BlobStore blobs, MailDirectory directory, MailStore store, AccountId account,
        TimeProvider time)
    {
        (_folder, _db, _searchDb, _blobs, _directory) = (folder, db.Mail, db.Search, blobs, directory);
        (Store, Account, Time) = (store, account, time);
        _doors = new MaildropDoors(time);
    }

    /// <summary>What the next connections are spoken with.</summary>
    public Pop3Settings Settings { get; set; } = new();

    /// <summary>Whether the next connections are offered STLS.</summary>
    public bool OffersTls { get; set; } = true;

    public MailStore Store { get; }

    public AccountId Account { get; }

    public TimeProvider Time { get; }

    public static async Task<TestServer> StartAsync(CancellationToken ct, bool plaintext = true, TimeProvider? time = null)
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("pop3-").FullName;
        var (clock, logs) = (TimeProvider.System, NullLoggerFactory.Instance);
        var files = new DatabaseSettings { Directory = folder, Durable = false };
        var db = await Database.OpenAsync(files, [BlobStore.Schema, MailDirectory.Schema, MailStore.Schema], clock, logs, ct);
        var searchDb = await Database.OpenAsync(files with { Name = "search" }, [SearchIndex.Schema], clock, logs, ct);
        var blobs = await BlobStore.OpenAsync(db, "segments:", Path.Combine(folder, "blobs"), clock, logs, ct);
        var store = await MailStore.OpenAsync(db, searchDb, blobs, clock, logs, ct);
        var directory = MailDirectory.Open(
            db, new DirectorySettings { AllowPlaintextOnLoopback = plaintext, PasswordCost = new Argon2Cost(1024, 1) }, clock, logs);
        directory.Accounts.Provisioning.Add((tx, account) =>
        {
            if (account.HasMailbox) store.CreateAccount(tx, account.Id, account.QuotaBytes, account.QuotaMessages);
        });
        (await directory.Domains.AddAsync(Authority.System, Domain.Parse("example.test"), ct)).Require();
        var password = Encoding.UTF8.GetBytes(Password);
        var ann = await AddAsync(new NewAccount(EmailAddress.Parse(User)) { Password = password });
        await AddAsync(new NewAccount(EmailAddress.Parse("jörg@example.test")) { Password = password });
        await AddAsync(new NewAccount(EmailAddress.Parse("printer@example.test")) { Password = password, Kind = AccountKind.Service });
        var gone = await AddAsync(new NewAccount(EmailAddress.Parse("off@example.test")) { Password = password });
        (await directory.Accounts.DisableAsync(Authority.System, gone.Address, ct)).Require();
        return new TestServer(folder, (db, searchDb), blobs, directory, store, ann.Id, time ?? clock);

        async Task<Account> AddAsync(NewAccount account) => (await directory.Accounts.AddAsync(Authority.System, account, ct)).Require();
    }

    /// <summary>The client's end of a new connection.</summary>
    public WireConnection Connect(IPEndPoint? from = null) => Link(from).Client;

    public WireLink Link(IPEndPoint? from = null, int pipeOctetsMax = 32 * 1024)
    {
        var link = new WireLink(Pop3Server.Limits, Time, from, pipeOctetsMax);
        link.Client.Limits = new WireLimits { LineOctetsMax = 16 * 1024 * 1024, IdleTimeout = TimeSpan.FromHours(5) };
        var pop3 = new Pop3Server(Settings, Store, _directory.Authenticator, _doors, OffersTls ? _tls : null, _log);
        _links.Add((link, ServeAsync(pop3, link)));
        return link;
    }

    /// <summary>A connection with TLS from its first octet.</summary>
    public async Task<WireConnection> ConnectTlsAsync()
    {
        var link = new WireLink(Pop3Server.Limits, Time);
        link.Client.Limits = new WireLimits { LineOctetsMax = 16 * 1024 * 1024 };
        var server = link.Server.UpgradeToTlsAsync(_tls).AsTask();
        Assert.True((await link.Client.UpgradeToTlsAsync(new TlsClient("mail.example.test", (_, _, _, _) => true))).Ok);
        Assert.True((await server).Ok);
        var pop3 = new Pop3Server(Settings, Store, _directory.Authenticator, _doors, _tls, _log);
        _links.Add((link, ServeAsync(pop3, link)));
        return link.Client;
    }

    public async Task<TestClient> ClientAsync(CancellationToken ct, bool login = true)
    {
        var client = new TestClient(Connect(), ct);
        await client.ReadAsync();
        if (!login) return client;
        await client.OkAsync("USER " + User);
        await client.OkAsync("PASS " + Password);
        return client;
    }

    /// <summary>When the session of a connection is over.</summary>
    public Task EndedAsync(WireConnection client) => _links.Single(served => served.Link.Client == client).Session;

    /// <summary>The database goes away under the running server.</summary>
    public ValueTask BreakAsync() => _db.DisposeAsync();

    /// <summary>How many failures were logged, which a test has expected.</summary>
    public int TakeFailures()
    {
        var count = _log.Failures.Count;
        _log.Failures.Clear();
        return count;
    }

    /// <summary>A message comes into a mailbox, which is made when there is none.</summary>
    public async Task<Appended> DeliverAsync(string message, CancellationToken ct, string mailbox = "INBOX", SystemFlags flags = SystemFlags.None)
    {
        var target = await Store.Mailboxes.FindAsync(Account, mailbox, ct)
            ?? (await Store.Mailboxes.CreateAsync(Account, mailbox, null, ct)).Require();
        var staged = await Store.StageAsync(Encoding.Latin1.GetBytes(message), ct);
        var at = new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
        return (await Store.Emails.AppendAsync(Account, target.Id, [staged.ToEmail(flags, [], at)], ct)).Require();
    }

    /// <summary>The subjects in a mailbox, each with an asterisk when it has been read.</summary>
    public async Task<List<string>> SubjectsAsync(CancellationToken ct, string mailbox = "INBOX")
    {
        var found = (await Store.Mailboxes.FindAsync(Account, mailbox, ct))!;
        using var view = await Store.Mailboxes.OpenAsync(Account, found.Id, ct);
        var subjects = new List<string>();
        for (var i = 0; i < view!.Current.Count; i++)
        {
            var row = view.Current[i];
            using var message = await Store.Emails.OpenMessageAsync(Account, row.Email, ct);
            var text = Encoding.Latin1.GetString(await message!.ReadAllAsync(ct));
            var subject = text.Split("Subject: ")[1].Split('\r')[0];
            subjects.Add(row.IsSeen ? subject + "*" : subject);
        }
        return subjects;
    }

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

    private static async Task ServeAsync(Pop3Server pop3, WireLink link)
    {
        await pop3.ServeAsync(link.Server);
        await link.Server.DisposeAsync();
    }

    private static SslStreamCertificateContext MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail.example.test", key, HashAlgorithmName.SHA256);
        var now = DateTimeOffset.UtcNow;
        var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return SslStreamCertificateContext.Create(certificate, null, offline: true);
    }

    /// <summary>An error in the log is a failed test, whatever the client saw.</summary>
    private sealed class CollectingLog : ILogger<Pop3Server>
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
