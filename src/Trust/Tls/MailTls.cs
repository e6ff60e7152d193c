using Microsoft.Extensions.Logging;
using Posthorn.Db;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>TLS with other mail servers: what it must be like, how it went, and what we publish ourselves.</summary>
public sealed class MailTls : IDisposable
{
    private readonly Database _db;

    private MailTls(Database db, Resolver resolver, HttpsSettings settings, TimeProvider time, ILogger log)
    {
        _db = db;
        Https = new PolicyHttps(settings, resolver);
        Policies = new StsCache(db, resolver, Https.FetchAsync, time, log);
        Overrides = new TlsOverrides(db);
        Hosted = new HostedSts(db);
        Results = new TlsResults(db, time, log);
        Outbound = new OutboundTls(Overrides, Policies, resolver, time, settings.Roots);
        db.Notified += OnNotified;
    }

    public static Schema Schema => TlsSchema.Schema;

    public PolicyHttps Https { get; }

    public StsCache Policies { get; }

    public TlsOverrides Overrides { get; }

    public HostedSts Hosted { get; }

    public TlsResults Results { get; }

    public OutboundTls Outbound { get; }

    public static MailTls Open(Database db, Resolver resolver, HttpsSettings settings, TimeProvider time, ILoggerFactory logs) =>
        new(db, resolver, settings, time, logs.CreateLogger("Posthorn.Trust"));

    public void Dispose()
    {
        _db.Notified -= OnNotified;
        Https.Dispose();
    }

    private void OnNotified(object? sender, Notification notice)
    {
        if (notice.Channel == TlsOverrides.Channel) Overrides.Forget();
    }
}
