using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;

namespace Posthorn.Identity.Tests;

/// <summary>The real room on Kestrel over a real directory: plain HTTP and HTTPS on loopback.</summary>
internal sealed class TestHost : IAsyncDisposable
{
    public const string Ann = "ann@example.test";
    public const string Password = "a long password";

    private static readonly X509Certificate2 Certificate = MakeCertificate();

    private readonly string _folder;
    private readonly WebApplication _app;
    private readonly Strangers _strangers;
    private readonly List<IDisposable> _browsers = [];

    private Vault? _vault;

    private TestHost(
        string folder, WebApplication app, Database db, MailDirectory directory, FakeTimeProvider clock, Strangers strangers, CollectingLog log) =>
        (_folder, _app, Db, Directory, Clock, _strangers, Log) = (folder, app, db, directory, clock, strangers, log);

    public Database Db { get; }

    public MailDirectory Directory { get; }

    public FakeTimeProvider Clock { get; }

    public CollectingLog Log { get; }

    /// <summary>Every client comes from here; none is loopback.</summary>
    public IPAddress? Remote
    {
        set => _strangers.Remote = value;
    }

    public static async Task<TestHost> StartAsync(Func<IdentityParts, IdentityParts>? change = null, Argon2Cost? cost = null)
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("identity-").FullName;
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var log = new CollectingLog();
        var db = await Database.OpenAsync(
            new DatabaseSettings { Directory = folder, Durable = false }, [MailDirectory.Schema, Vault.Schema], clock, NullLoggerFactory.Instance,
            default);
        var vault = await Vault.OpenAsync(
            db, Path.Combine(folder, "root.key"), MailDirectory.SealedColumns, NullLoggerFactory.Instance, default);
        var directory = MailDirectory.Open(
            db, new DirectorySettings { PasswordCost = cost ?? new Argon2Cost(8, 1) }, clock, new OneLog(log), vault);
        var parts = new IdentityParts
        {
            Facts = Facts,
            Directory = directory,
            IsUnavailable = failure => failure is DatabaseUnavailableException,
            Time = clock,
            Logs = new OneLog(log),
        };
        var strangers = new Strangers();
        var app = Build(change?.Invoke(parts) ?? parts, strangers);
        await app.StartAsync();
        return new TestHost(folder, app, db, directory, clock, strangers, log) { _vault = vault };
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

    /// <summary>With an account for Ann.</summary>
    public async Task<TestHost> WithAnnAsync()
    {
        await AccountAsync(Ann);
        return this;
    }

    public async Task<Account> AccountAsync(string address, string password = Password)
    {
        var wanted = EmailAddress.Parse(address);
        await Directory.Domains.AddAsync(Authority.System, wanted.Domain); // once more is refused, and that is fine
        var account = new NewAccount(wanted) { Password = Encoding.UTF8.GetBytes(password) };
        return (await Directory.Accounts.AddAsync(Authority.System, account)).Require();
    }

    /// <summary>Brings Ann's browser to where pages of this kind are entered.</summary>
    public async Task EnterAsync(Browser browser, Entry entry)
    {
        if (entry is Entry.Halfway)
        {
            await WithTotpAsync();
            (await browser.TryLogInAsync(Ann, Password)).GoesTo("/log-in/second");
        }
        else if (entry is not Entry.Anyone)
        {
            await browser.LogInAsync();
        }
    }

    /// <summary>Ann has an authenticator; the code of this moment is not used up.</summary>
    public async Task<(string Secret, IReadOnlyList<string> Codes)> WithTotpAsync()
    {
        var ann = (await Directory.Accounts.FindAsync(EmailAddress.Parse(Ann)))!;
        var offer = (await Directory.SecondFactors.OfferTotpAsync(ann, "test")).Require();
        var codes = await Directory.SecondFactors.ConfirmTotpAsync(ann.Id, TestTotp.CodeOf(offer.Secret, Clock.GetUtcNow()));
        Clock.Advance(TimeSpan.FromSeconds(60));
        return (offer.Secret, codes.Require());
    }

    /// <summary>A browser with cookies of its own.</summary>
    public Browser Browser(string scheme = "https")
    {
        var addresses = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        var address = addresses.Single(a => a.StartsWith(scheme + "://127", StringComparison.Ordinal));
        var browser = new Browser(new Uri(address));
        _browsers.Add(browser);
        return browser;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var browser in _browsers) browser.Dispose();
        await _app.DisposeAsync();
        Directory.Dispose();
        _vault?.Dispose();
        await Db.DisposeAsync();
        System.IO.Directory.Delete(_folder, recursive: true);
    }

    private static WebApplication Build(IdentityParts parts, Strangers strangers)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(server =>
        {
            server.Listen(IPAddress.Loopback, 0);
            server.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(Certificate));
        });
        var app = builder.Build();
        app.Use(next => context =>
        {
            if (strangers.Remote is { } remote) context.Connection.RemoteIpAddress = remote;
            return next(context);
        });
        IdentityHost.Map(app, parts);
        return app;
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
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
internal sealed class CollectingLog : ILogger
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

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines) _lines.Add($"{eventId.Id} {formatter(state, exception)} {exception}");
    }
}
