using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Delivery;
using Posthorn.Directory;
using Posthorn.Dns;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Smtp.Tests;

/// <summary>The real room over a real store and a real intake in a directory of its own, reached over in-memory connections.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    public const string User = "ann@example.test";
    public const string Password = "correct horse";

    private static readonly SslStreamCertificateContext Certificate = MakeCertificate();

    private readonly string _folder;
    private readonly Database _db;
    private readonly Database _searchDb;
    private readonly BlobStore _blobs;
    private readonly MailStore _store;
    private readonly MailDirectory _directory;
    private readonly Resolver _resolver;
    private readonly MailDelivery _delivery;
    private readonly TlsServer _tls = new(_ => Certificate);
    private readonly CollectingLog _log = new();
    private readonly List<(WireLink Link, Task Session)> _links = [];

    private TestServer(
        string folder, Database db, Database searchDb, BlobStore blobs, MailStore store, MailDirectory directory, TimeProvider time)
    {
        (_folder, _db, _searchDb, _blobs, _store, _directory) = (folder, db, searchDb, blobs, store, directory);
        _resolver = Resolver.Open(new DnsSettings { ZoneFile = Path.Combine(folder, "zone") }, TimeProvider.System, NullLoggerFactory.Instance);
        _delivery = MailDelivery.Open(
            new DeliverySettings { Hostname = Domain.Parse("mail.example.test") }, db, blobs, store, directory, _resolver, TimeProvider.System,
            NullLoggerFactory.Instance);
        Time = time;
    }

    /// <summary>What the next connections are spoken with; dialogues may change it first.</summary>
    public SmtpSettings Settings { get; set; } =
        new() { Hostname = Domain.Parse("mail.example.test"), MessageOctetsMax = 10_000, RecipientsMax = 3 };

    /// <summary>Whether the next connections are offered STARTTLS.</summary>
    public bool OffersTls { get; set; } = true;

    public TimeProvider Time { get; }

    public static async Task<TestServer> StartAsync(CancellationToken ct, bool plaintext = true, TimeProvider? time = null)
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("smtp-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "zone"), "example.test. 300 IN MX 10 mail.example.test.\n", ct);
        var (clock, logs) = (TimeProvider.System, NullLoggerFactory.Instance);
        var files = new DatabaseSettings { Directory = folder, Durable = false };
        var db = await Database.OpenAsync(
            files, [BlobStore.Schema, MailDirectory.Schema, MailStore.Schema, MailDelivery.Schema], clock, logs, ct);
        var searchDb = await Database.OpenAsync(files with { Name = "search" }, [SearchIndex.Schema], clock, logs, ct);
        var blobs = await BlobStore.OpenAsync(db, "segments:", Path.Combine(folder, "blobs"), clock, logs, ct);
        var store = await MailStore.OpenAsync(db, searchDb, blobs, clock, logs, ct);
        var directory = MailDirectory.Open(
            db, new DirectorySettings { AllowPlaintextOnLoopback = plaintext, PasswordCost = new Argon2Cost(1024, 1) }, clock, logs);
        directory.Accounts.Provisioning.Add((tx, account) => store.CreateAccount(tx, account.Id, account.QuotaBytes, account.QuotaMessages));
        var server = new TestServer(folder, db, searchDb, blobs, store, directory, time ?? clock);
        (await directory.Domains.AddAsync(Authority.System, Domain.Parse("example.test"), ct)).Require();
        var password = Encoding.UTF8.GetBytes(Password);
        await server.AddAsync(new NewAccount(EmailAddress.Parse(User)) { Password = password, Role = Role.Admin }, ct);
        await server.AddAsync(new NewAccount(EmailAddress.Parse("bob@example.test")), ct);
        await server.AddAsync(new NewAccount(EmailAddress.Parse("jörg@example.test")), ct);
        await server.AddAsync(new NewAccount(EmailAddress.Parse("full@example.test")) { QuotaBytes = 0 }, ct);
        var gone = await server.AddAsync(new NewAccount(EmailAddress.Parse("off@example.test")) { Password = password }, ct);
        (await directory.Accounts.DisableAsync(Authority.System, gone.Address, ct)).Require();
        return server;
    }

    /// <summary>The client's end of a new connection.</summary>
    public WireConnection Connect(IPEndPoint? from = null) => Link(from).Client;

    public WireLink Link(IPEndPoint? from = null, int pipeOctetsMax = 32 * 1024)
    {
        var link = new WireLink(SmtpServer.Limits, Time, from, pipeOctetsMax);
        link.Client.Limits = new WireLimits { LineOctetsMax = 1024 * 1024, IdleTimeout = TimeSpan.FromHours(5) };
        var smtp = new SmtpServer(Settings, _delivery.Intake, _directory, OffersTls ? _tls : null, _log);
        _links.Add((link, ServeAsync(smtp, link)));
        return link;
    }

    public async Task<TestClient> ClientAsync(CancellationToken ct, SmtpRole role = SmtpRole.Mx)
    {
        Settings = Settings with { Role = role };
        var client = new TestClient(Connect(), ct);
        await client.ReadAsync();
        await client.AskAsync("EHLO client.example");
        return client;
    }

    /// <summary>Implicit TLS on an open connection of a dialogue, both ends.</summary>
    public async Task UpgradeAsync(WireLink link)
    {
        var server = link.Server.UpgradeToTlsAsync(_tls).AsTask();
        Assert.True((await link.Client.UpgradeToTlsAsync(new TlsClient("mail.example.test", (_, _, _, _) => true))).Ok);
        Assert.True((await server).Ok);
    }

    /// <summary>A connection with TLS from its first octet.</summary>
    public async Task<WireConnection> ConnectTlsAsync()
    {
        var link = new WireLink(SmtpServer.Limits, Time);
        link.Client.Limits = new WireLimits { LineOctetsMax = 1024 * 1024 };
        await UpgradeAsync(link);
        var smtp = new SmtpServer(Settings, _delivery.Intake, _directory, _tls, _log);
        _links.Add((link, ServeAsync(smtp, link)));
        return link.Client;
    }

    /// <summary>When the session of a connection is over.</summary>
    public Task EndedAsync(WireLink link) => _links.Single(served => served.Link == link).Session;

    /// <summary>The database goes away under the running server.</summary>
    public ValueTask BreakAsync() => _db.DisposeAsync();

    /// <summary>What the user may send in a day.</summary>
    public async Task LimitAsync(OwnSendingLimits limits, CancellationToken ct) => (await _directory.Accounts.ChangeAsync(
        Authority.System, EmailAddress.Parse(User), new AccountChange { Sending = limits, SendAs = ["*@example.test"] }, ct)).Require();

    public Bans Bans => _directory.Bans;

    public StageRules Rules => _delivery.Intake.Rules;

    /// <summary>How many failures were logged, which a test has expected.</summary>
    public int TakeFailures()
    {
        var count = _log.Failures.Count;
        _log.Failures.Clear();
        return count;
    }

    /// <summary>The messages of an account's INBOX, oldest first.</summary>
    public async Task<List<string>> InboxAsync(string address, CancellationToken ct)
    {
        var texts = new List<string>();
        var targets = (await _directory.AddressBook.ResolveAsync(EmailAddress.Parse(address), ct)).Require();
        var account = ((Target.Local)targets[0]).Account;
        using var view = await _store.Mailboxes.OpenAsync(account, Mailbox.Inbox, ct);
        var snapshot = view!.Current;
        for (var i = 0; i < snapshot.Count; i++)
        {
            using var message = await _store.Emails.OpenMessageAsync(account, snapshot[i].Email, ct);
            texts.Add(Encoding.UTF8.GetString(await message!.ReadAllAsync(ct)));
        }
        return texts;
    }

    /// <summary>What the newest message in the queue asks for: a line of MAIL's parameters, then one for each recipient.</summary>
    public ValueTask<string> CarriedAsync(CancellationToken ct) => _db.ReadAsync(
        db =>
        {
            var text = new StringBuilder();
            using (var rows = db.Prepare("SELECT sender, body, dsn_return, envelope_id, require_tls, hold_until - arrived, by_deadline - arrived, "
                + "by_mode, priority FROM queue_entry ORDER BY entry DESC LIMIT 1").Query())
            {
                Assert.True(rows.Next(), "the queue is empty");
                text.Append(CultureInfo.InvariantCulture, $"<{rows.Text(0)}> {(BodyType)rows.Int64(1)} {(DsnReturn)rows.Int64(2)}");
                text.Append(CultureInfo.InvariantCulture, $" id={rows.NullableText(3)} tls={rows.Int64(4)} hold={Seconds(rows, 5)}");
                text.Append(CultureInfo.InvariantCulture, $" by={Seconds(rows, 6)} mode={rows.Int64(7)} priority={rows.Int64(8)}\r\n");
            }
            using (var rows = db.Prepare("SELECT address, notify, original_recipient FROM queue_recipient "
                + "WHERE entry = (SELECT MAX(entry) FROM queue_entry) ORDER BY recipient").Query())
            {
                while (rows.Next()) text.Append($"<{rows.Text(0)}> {(DsnNotify)rows.Int64(1)} {rows.NullableText(2)}\r\n");
            }
            return text.ToString();
        },
        ct);

    public async ValueTask DisposeAsync()
    {
        foreach (var (link, session) in _links)
        {
            // The client leaves, the session sees it and ends; only then may its end of the wire go.
            await link.Client.DisposeAsync();
            await session;
            await link.DisposeAsync();
        }
        await _delivery.DisposeAsync();
        await _resolver.DisposeAsync();
        _directory.Dispose();
        await _store.DisposeAsync();
        await _blobs.DisposeAsync();
        await _searchDb.DisposeAsync();
        await _db.DisposeAsync();
        System.IO.Directory.Delete(_folder, recursive: true);
        if (_log.Failures.Count > 0) throw new InvalidOperationException("the server logged failures:\n" + string.Join('\n', _log.Failures));
    }

    private static async Task ServeAsync(SmtpServer smtp, WireLink link)
    {
        await smtp.ServeAsync(link.Server);
        await link.Server.DisposeAsync();
    }

    private async Task<Account> AddAsync(NewAccount account, CancellationToken ct) =>
        (await _directory.Accounts.AddAsync(Authority.System, account, ct)).Require();

    // Time passes between MAIL and DATA: a slow machine may take its time.
    private static string Seconds(Rows rows, int column) =>
        rows.IsNull(column) ? "" : (Math.Round(rows.Int64(column) / 60_000.0) * 60).ToString(CultureInfo.InvariantCulture);

    private static SslStreamCertificateContext MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail.example.test", key, HashAlgorithmName.SHA256);
        var now = DateTimeOffset.UtcNow;
        var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return SslStreamCertificateContext.Create(certificate, null, offline: true);
    }

    /// <summary>An error in the log is a failed test, whatever the client saw.</summary>
    private sealed class CollectingLog : ILogger<SmtpServer>
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
