using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Delivery;
using Posthorn.Directory;
using Posthorn.Dns;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Admin.Tests;

/// <summary>The real room on Kestrel over real rooms in a directory of its own: a unix socket, plain HTTP and HTTPS on loopback.</summary>
internal sealed class TestHost : IAsyncDisposable
{
    public const string Zone = """
        example.test. MX 10 mail.example.test.
        example.test. TXT "v=spf1 mx -all"
        example.test. TXT "something else"
        mail.example.test. A 192.0.2.1
        1.2.0.192.in-addr.arpa. PTR elsewhere.test.
        _imaps._tcp.example.test. SRV 0 1 993 mail.example.test.
        _submissions._tcp.example.test. SRV 0 1 466 mail.example.test.
        """;

    private static readonly X509Certificate2 Certificate = MakeCertificate();

    private readonly string _folder;
    private readonly WebApplication _app;
    private readonly Database _db;
    private readonly Database _searchDb;
    private readonly BlobStore _blobs;
    private readonly Resolver _resolver;
    private readonly Strangers _strangers;
    private readonly List<HttpClient> _clients = [];

    private IDisposable[] _secrets = [];

    private TestHost(
        string folder, WebApplication app, Database db, Database searchDb, BlobStore blobs, Resolver resolver, MailStore store,
        MailDirectory directory, MailDelivery delivery, FakeTimeProvider clock, Strangers strangers, CollectingLog log) =>
        (_folder, _app, _db, _searchDb, _blobs, _resolver, Store, Directory, Delivery, Clock, _strangers, Log) =
        (folder, app, db, searchDb, blobs, resolver, store, directory, delivery, clock, strangers, log);

    public MailStore Store { get; }

    public MailDirectory Directory { get; }

    public MailDelivery Delivery { get; }

    public FakeTimeProvider Clock { get; }

    public CollectingLog Log { get; }

    public string SocketPath => Path.Combine(_folder, AdminSocket.FileName);

    public Database Db => _db;

    /// <summary>The client of all but the socket comes from here; none is loopback, where it does come from.</summary>
    public IPAddress? Remote
    {
        set => _strangers.Remote = value;
    }

    public static async Task<TestHost> StartAsync(Func<AdminParts, AdminParts>? change = null)
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("admin-").FullName;
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var log = new CollectingLog();
        var files = new DatabaseSettings { Directory = folder, Durable = false };
        var db = await Database.OpenAsync(
            files,
            [
                BlobStore.Schema, MailDirectory.Schema, MailStore.Schema, MailDelivery.Schema, Vault.Schema, MailTrust.Schema,
                ReportBook.Schema, MailTls.Schema,
            ],
            clock,
            NullLoggerFactory.Instance,
            default);
        var searchDb = await Database.OpenAsync(files with { Name = "search" }, [SearchIndex.Schema], clock, NullLoggerFactory.Instance, default);
        var blobs = await BlobStore.OpenAsync(db, "segments:", Path.Combine(folder, "blobs"), clock, NullLoggerFactory.Instance, default);
        var store = await MailStore.OpenAsync(db, searchDb, blobs, clock, NullLoggerFactory.Instance, default);
        var directory = MailDirectory.Open(db, new DirectorySettings { PasswordCost = new Argon2Cost(8, 1) }, clock, NullLoggerFactory.Instance);
        directory.Accounts.Provisioning.Add((tx, account) => store.CreateAccount(tx, account.Id, account.QuotaBytes, account.QuotaMessages));
        directory.Accounts.QuotaChanged.Add((tx, account, quota) => store.SetQuota(tx, account, quota.Bytes, quota.Messages));
        await File.WriteAllTextAsync(Path.Combine(folder, "zone"), Zone);
        var resolver = Resolver.Open(new DnsSettings { ZoneFile = Path.Combine(folder, "zone") }, clock, NullLoggerFactory.Instance);
        var vault = await Vault.OpenAsync(db, Path.Combine(folder, "root.key"), MailTrust.SealedColumns, NullLoggerFactory.Instance, default);
        var keys = SigningKeys.Open(db, vault, clock, NullLoggerFactory.Instance);
        var trust = await MailTrust.OpenAsync(
            new TrustSettings { Hostname = Facts.Hostname }, db, vault, keys, resolver, clock, NullLoggerFactory.Instance, default);
        var delivery = MailDelivery.Open(
            new DeliverySettings { Hostname = Facts.Hostname }, db, blobs, store, directory, resolver, clock, NullLoggerFactory.Instance, trust);
        var parts = new AdminParts
        {
            Facts = Facts,
            Directory = directory,
            Store = store,
            Queue = delivery.Queue,
            Trust = trust,
            Rules = delivery.Intake.Rules,
            Routes = delivery.Routes,
            Suppressions = delivery.Suppressions,
            Resolver = resolver,
            Reports = new ReportBook(db, clock),
            Tls = delivery.Tls,
            VerifyBlobs = (progress, _) =>
            {
                progress(0, 1);
                progress(1, 1);
                return Task.FromResult(new BlobFindings(1, []));
            },
            IsUnavailable = failure => failure is DatabaseUnavailableException,
            Time = clock,
            Logs = new OneLog(log),
        };
        var strangers = new Strangers();
        var app = Build(folder, change?.Invoke(parts) ?? parts, strangers);
        await app.StartAsync();
        return new TestHost(folder, app, db, searchDb, blobs, resolver, store, directory, delivery, clock, strangers, log)
        {
            _secrets = [trust, keys, vault],
        };
    }

    public static ServerFacts Facts { get; } = new()
    {
        Hostname = Domain.Parse("mail.example.test"),
        Version = "1.2.3",
        HttpsPort = 443,
        Services =
        [
            new(ClientProtocol.Imap, 993, ConnectionSecurity.Tls),
            new(ClientProtocol.Imap, 143, ConnectionSecurity.StartTls),
            new(ClientProtocol.Submission, 465, ConnectionSecurity.Tls),
            new(ClientProtocol.Submission, 587, ConnectionSecurity.StartTls),
        ],
    };

    /// <summary>A client of the admin socket.</summary>
    public TestClient OverSocket() => Client(new SocketsHttpHandler
    {
        ConnectCallback = async (_, ct) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
    }, new Uri("http://localhost/"));

    public TestClient OverHttps(string? token = null) => OverTcp("https", token);

    public TestClient OverHttp(string? token = null) => OverTcp("http", token);

    public async Task<string> TokenAsync(TokenScopes scopes, string? domain = null, TimeSpan? lifetime = null, params string[] networks)
    {
        var wanted = new NewToken(scopes)
        {
            Domain = domain is null ? null : Domain.Parse(domain),
            Lifetime = lifetime,
            Networks = AllowedNetworks.Parse(networks).Require(),
        };
        return (await Directory.Tokens.AddAsync(Authority.System, wanted)).Require().Secret;
    }

    public async Task<Account> AccountAsync(string address, Role role = Role.User)
    {
        var wanted = EmailAddress.Parse(address);
        await Directory.Domains.AddAsync(Authority.System, wanted.Domain); // once more is refused, and that is fine
        var account = new NewAccount(wanted) { Role = role, Password = Encoding.UTF8.GetBytes("a long password") };
        return (await Directory.Accounts.AddAsync(Authority.System, account)).Require();
    }

    /// <summary>A message from a new account to somewhere else; nothing works the queue off.</summary>
    public async Task QueueAsync(string from, string to)
    {
        var account = await AccountAsync(from);
        var submitter = new Identity(account.Id, account.Address, account.Role, from);
        var recipient = (await Delivery.Intake.RecipientAsync(EmailAddress.Parse(to), submitter)).Require();
        using var message = new MemoryStream(Encoding.ASCII.GetBytes($"From: {from}\r\nSubject: out\r\n\r\nHello.\r\n"));
        (await Delivery.Intake.AcceptAsync(
            new Envelope(new ReversePath(account.Address), [recipient]), new Origin { Submitter = submitter }, message)).Require();
    }

    /// <summary>A DMARC report about a domain, as it arrives.</summary>
    /// <returns>Its number.</returns>
    public async Task<long> ReportAsync(string domain, string reportId = "one")
    {
        var book = new ReportBook(Db, Clock);
        var begins = Clock.GetUtcNow().AddDays(-1);
        var report = new AggregateReport
        {
            Organization = "reporter.test",
            ReportId = reportId,
            Begins = begins,
            Ends = begins.AddHours(23),
            Policy = new PublishedPolicy(domain) { P = "reject" },
            Records =
            [
                new AggregateRecord("192.0.2.7", 3, Disposition.None, Dkim: true, Spf: false, domain),
                new AggregateRecord("198.51.100.9", 2, Disposition.Reject, Dkim: false, Spf: false, domain),
            ],
        };
        var arrival = new ReportArrival("message-" + reportId, "noreply@reporter.test", Domain.Parse(domain));
        var fault = await book.AcceptAsync(arrival, new IncomingReport.Aggregate(report), (found, _) => new(found), (_, _) => { }, default);
        Assert.Null(fault);
        return (await book.ListAsync(Domain.Parse(domain), null, null, 1))[0].Id;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) client.Dispose();
        await _app.DisposeAsync();
        await Delivery.DisposeAsync();
        await Store.DisposeAsync();
        Directory.Dispose();
        foreach (var part in _secrets) part.Dispose();
        await _resolver.DisposeAsync();
        await _blobs.DisposeAsync();
        await _searchDb.DisposeAsync();
        await _db.DisposeAsync();
        System.IO.Directory.Delete(_folder, recursive: true);
    }

    private static WebApplication Build(string folder, AdminParts parts, Strangers strangers)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseSockets(AdminSocket.Tune);
        builder.WebHost.ConfigureKestrel(server =>
        {
            AdminSocket.BindTo(server, Path.Combine(folder, AdminSocket.FileName));
            server.Listen(IPAddress.Loopback, 0);
            server.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(Certificate));
        });
        var app = builder.Build();
        app.Use(next => context =>
        {
            if (AdminSocket.Of(context) is null && strangers.Remote is { } remote) context.Connection.RemoteIpAddress = remote;
            return next(context);
        });
        AdminHost.Map(app, parts);
        return app;
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private TestClient OverTcp(string scheme, string? token)
    {
        var addresses = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        var address = addresses.Single(a => a.StartsWith(scheme + "://127", StringComparison.Ordinal));
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        var client = Client(handler, new Uri(address));
        if (token is not null) client.Http.DefaultRequestHeaders.Add("Authorization", "Bearer " + token);
        return client;
    }

    /// <summary>For what is asked without a token.</summary>
    public HttpClient Plain() => OverTcp("http", null).Http;

    private TestClient Client(SocketsHttpHandler handler, Uri address)
    {
        var http = new HttpClient(handler) { BaseAddress = address };
        _clients.Add(http);
        return new TestClient(http);
    }

    private sealed class Strangers
    {
        public IPAddress? Remote { get; set; }
    }

    private sealed class OneLog(CollectingLog log) : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) => log;

        public void Dispose()
        {
        }
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class CollectingLog : ILogger, ILoggerProvider
{
    private readonly List<string> _lines = [];

    public string Text
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines) _lines.Add($"{eventId.Id} {formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}
