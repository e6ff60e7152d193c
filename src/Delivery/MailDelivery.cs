using Microsoft.Extensions.Logging;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Dns;
using Posthorn.Store;

namespace Posthorn.Delivery;

/// <summary>The delivery of one server: the door to its parts.</summary>
public sealed class MailDelivery : IAsyncDisposable
{
    /// <summary>The tables; after those of blobs, store and directory.</summary>
    public static Schema Schema { get; } = new("delivery", []);

    public Intake Intake { get; } = new();

    public Queue Queue { get; } = new();

    /// <summary>Ready to take mail; what waits in the queue is tried after <see cref="Start"/>.</summary>
    public static MailDelivery Open(
        DeliverySettings settings,
        Database db,
        BlobStore blobs,
        MailStore store,
        MailDirectory directory,
        Resolver resolver,
        TimeProvider time,
        ILoggerFactory logs) => throw new NotImplementedException();

    /// <summary>Begins to work off the queue.</summary>
    public void Start() => throw new NotImplementedException();

    /// <summary>No new attempts; those under way end, or are broken off when <paramref name="ct"/> says so and repeated after the next start.</summary>
    public Task StopAsync(CancellationToken ct) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
