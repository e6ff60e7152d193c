using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Posthorn.Admin;
using Posthorn.Db;
using Posthorn.Delivery;
using Posthorn.Directory;
using Posthorn.Dns;
using Posthorn.Identity;
using Posthorn.Jmap;
using Posthorn.Trust;
using Posthorn.Wire;

namespace Posthorn.Server;

/// <summary>The running server: every room, put together, started in the order of their needs and stopped in the order of ARCHITECTURE.md.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    /// <summary>From the request to stop to the end of the last part that can be made to end.</summary>
    public static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan PurgeEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan NoticesEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan KeysEvery = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan RefreshPoliciesEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan SendReportsEvery = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan ForgetReportsEvery = TimeSpan.FromHours(6);
    private static readonly TimeSpan CertificateEvery = TimeSpan.FromMinutes(1);

    private readonly ServerConfig _config;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private Storage? _storage;
    private Resolver? _resolver;
    private MailTrust? _trust;
    private MailDelivery? _delivery;
    private WebApplication? _app;
    private Chores? _chores;

    private MailServer(ServerConfig config, TimeProvider time, ILoggerFactory logs) =>
        (_config, _time, _logs, _log) = (config, time, logs, logs.CreateLogger("Posthorn.Server"));

    /// <summary>When it returns, every port is open and what was sent to them is served.</summary>
    /// <exception cref="CommandFailedException">A port, a certificate or the directory cannot be had.</exception>
    /// <exception cref="DatabaseUnavailableException">The database cannot be had.</exception>
    public static async Task<MailServer> StartAsync(ServerConfig config, TimeProvider time, ILoggerFactory logs, CancellationToken ct)
    {
        var server = new MailServer(config, time, logs);
        try
        {
            await server.StartAllAsync(ct);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops everything, within <see cref="StopTimeout"/> where peers are waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        using var deadline = new CancellationTokenSource(StopTimeout, _time);
        if (_app is not null)
        {
            Log.Stopping(_log);
            await _app.StopAsync(deadline.Token);
            await _app.DisposeAsync();
        }
        if (_delivery is not null)
        {
            await _delivery.StopAsync(deadline.Token);
            await _delivery.DisposeAsync();
        }
        _trust?.Dispose();
        if (_resolver is not null) await _resolver.DisposeAsync();
        if (_chores is not null) await _chores.DisposeAsync();
        if (_storage is not null) await _storage.DisposeAsync();
        if (_app is not null) Log.Stopped(_log);
    }

    private bool IsListening => _app?.Lifetime is
    {
        ApplicationStarted.IsCancellationRequested: true,
        ApplicationStopping.IsCancellationRequested: false,
    };

    private async Task StartAllAsync(CancellationToken ct)
    {
        _storage = await Storage.OpenAsync(_config, _time, _logs, ct);
        var certificate = ServedCertificate.Open(_config, _time, _log);
        var named = new NamedCertificates(_config.CertificateFolder, _log);
        named.Refresh();
        _resolver = Outbound.OpenResolver(_config, _time, _logs);
        _trust = await MailTrust.OpenAsync(Outbound.Trust(_config), _storage.Db, _storage.Vault, _storage.Keys, _resolver, _time, _logs, ct);
        _delivery = MailDelivery.Open(
            Outbound.Delivery(_config), _storage.Db, _storage.Blobs, _storage.Store, _storage.Directory, _resolver, _time, _logs,
            _trust, _storage.Vault, _storage.Journey);
        var listeners = new MailListeners(_config, _storage, _delivery.Intake, _time, _logs).Make(name => named.Find(name) ?? certificate.Current);
        _chores = new Chores(_time, _log);
        _chores.Add("giving memory back", IdleMemory.LookEvery, new IdleMemory().LookAsync);
        _chores.Follow("collection of dead blobs", _storage.Blobs.RunAsync);
        _chores.Add("letting go of old uploads", PurgeEvery, _storage.Store.Uploads.PurgeAsync);
        _chores.Add("purge of removed accounts", PurgeEvery, _storage.Directory.Accounts.PurgeAsync);
        _chores.Follow("keys of domains that have none", ct => EnsureKeysAsync(_storage, _trust, ct));
        _chores.Add("tending of signing keys", KeysEvery, ct => _trust.Keys.TendAsync(_resolver, ct));
        _chores.Add("refresh of MTA-STS policies", RefreshPoliciesEvery, _delivery.Tls.Policies.RefreshAsync);
        if (_config.SendReports) _chores.Add("reports to other domains", SendReportsEvery, _delivery.SendReportsAsync);
        _chores.Follow("reports of failures", _delivery.SendFailureReportsAsync);
        _chores.Add("removal of old TLS results", ForgetReportsEvery, _delivery.Tls.Results.PurgeAsync);
        _chores.Add("removal of old reports", ForgetReportsEvery, new ReportBook(_storage.Db, _time).PurgeAsync);
        if (_trust.Indicators is { } marks) _chores.Add("removal of old marks", ForgetReportsEvery, async ct => await marks.PurgeAsync(ct));
        _chores.Add("writing down which app passwords are used", AppPasswords.WriteEvery, _storage.Directory.AppPasswords.WriteUsesAsync);
        _chores.Add("removal of old app passwords", ForgetReportsEvery, _storage.Directory.AppPasswords.PurgeAsync);
        await _storage.Directory.Bans.RefreshAsync(ct);
        _chores.Add("forgetting who is greylisted", PurgeEvery, _storage.Directory.Greylist.PurgeAsync);
        await _delivery.Intake.Rules.RefreshAsync(ct);
        _chores.Add("notices to the owners of accounts", NoticesEvery, _delivery.SendNoticesAsync);
        _chores.Add("removal of old notices", PurgeEvery, _storage.Directory.News.PurgeAsync);
        _chores.Add("writing of the log-in history", LoginHistory.WriteEvery, _storage.Directory.History.WriteAsync);
        _chores.Add("removal of old log-in history", PurgeEvery, _storage.Directory.History.PurgeAsync);
        _chores.Add("removal of ended web sessions", PurgeEvery, _storage.Directory.Sessions.PurgeAsync);
        _chores.Add("look at the rules", StageRules.RefreshEvery, _delivery.Intake.Rules.RefreshAsync);
        _chores.Add("look at the bans", Bans.RefreshEvery, _storage.Directory.Bans.RefreshAsync);
        _chores.Add("look at the certificate", CertificateEvery, _ =>
        {
            certificate.Refresh();
            named.Refresh();
            return Task.CompletedTask;
        });
        _app = Web(listeners, new WebListeners(_config, certificate, _log));
        JmapHost.Map(_app, JmapPartsOf(_storage));
        AdminHost.Map(_app, AdminPartsOf(_storage, _delivery, _trust, _resolver, certificate));
        IdentityHost.Map(_app, IdentityPartsOf(_storage));
        await _app.StartAsync(ct);
        _delivery.Start();
        _chores.Follow("reading of the certificate's chain", _ => Task.FromResult(certificate.Current)); // before the first client needs it
        var services = listeners.Select(listener => listener.Name);
        Log.Serving(_log, Release.Version, _config.Hostname.Ascii, _config.Data, string.Join(", ", services.Append("http").Append("https")));
    }

    private WebApplication Web(IReadOnlyList<SpeakerListener> listeners, WebListeners web)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = _config.Data });
        builder.Services.AddSingleton(_logs);
        builder.Services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = StopTimeout);
        builder.Services.Configure<SocketTransportOptions>(transport =>
        {
            SpeakerListener.Tune(transport);
            AdminSocket.Tune(transport);
            Ports.ExplainFailures(transport);
        });
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(server =>
        {
            // They are opened in this order: whoever finds HTTPS open finds everything.
            AdminSocket.BindTo(server, Path.Combine(_config.Data, AdminSocket.FileName));
            foreach (var listener in listeners) listener.BindTo(server);
            web.BindTo(server);
        });
        var app = builder.Build();
        web.TrustProxies(app);
        return app;
    }

    // Domains that are older than signatures are, and those whose adding was broken off.
    private static async Task EnsureKeysAsync(Storage storage, MailTrust trust, CancellationToken ct)
    {
        foreach (var domain in await storage.Directory.Domains.ListAsync(Authority.System, ct)) await trust.Keys.EnsureAsync(domain.Name, ct);
    }

    private JmapParts JmapPartsOf(Storage storage) => new()
    {
        Store = storage.Store,
        Directory = storage.Directory,
        IsUnavailable = failure => failure is DatabaseUnavailableException,
        Time = _time,
        Log = _logs.CreateLogger("Posthorn.Jmap"),
        Hostname = _config.Hostname.Ascii,
    };

    private IdentityParts IdentityPartsOf(Storage storage) => new()
    {
        Facts = Facts.Of(_config),
        Directory = storage.Directory,
        IsUnavailable = failure => failure is DatabaseUnavailableException,
        Time = _time,
        Logs = _logs,
    };

    private AdminParts AdminPartsOf(
        Storage storage, MailDelivery delivery, MailTrust trust, Resolver resolver, ServedCertificate certificate) => new()
        {
            Facts = Facts.Of(_config),
            Directory = storage.Directory,
            Store = storage.Store,
            Queue = delivery.Queue,
            Trust = trust,
            Rules = delivery.Intake.Rules,
            Routes = delivery.Routes,
            Suppressions = delivery.Suppressions,
            Journey = storage.Journey,
            Resolver = resolver,
            Reports = new ReportBook(storage.Db, _time),
            Tls = delivery.Tls,
            ServedKeys = certificate.Keys,
            VerifyBlobs = async (progress, ct) =>
            {
                var report = await storage.Blobs.VerifyAsync(progress, ct);
                return new BlobFindings(report.Blobs, report.Findings);
            },
            Checks =
        [
            new("listeners", _ => new(IsListening)),
            new("queue", _ => new(delivery.IsRunning)),
        ],
            IsUnavailable = failure => failure is DatabaseUnavailableException,
            Time = _time,
            Logs = _logs,
        };

    /// <summary>serve itself hears the signals and decides what they mean.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
