using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>Where a recipient of a queued message stands. The numbers are stored.</summary>
public enum QueueState
{
    /// <summary>Its next attempt is due now or later.</summary>
    Waiting = 0,

    /// <summary>An attempt is under way.</summary>
    Active = 1,

    /// <summary>An operator stopped it until release.</summary>
    Held = 2,
}

/// <summary>One recipient of one queued message, as operators see it.</summary>
/// <param name="Id">What the commands take: stable, never used again.</param>
/// <param name="Message">The name of the message in Received and in the log; recipients of one message share it.</param>
/// <param name="NextAttempt">Null while active or held.</param>
/// <param name="LastReply">The last server's own words, or ours about the connection.</param>
public sealed record QueueItem(
    long Id,
    string Message,
    ReversePath Sender,
    EmailAddress Recipient,
    QueueState State,
    int Attempts,
    DateTimeOffset ArrivedAt,
    DateTimeOffset? NextAttempt,
    DateTimeOffset ExpiresAt,
    string? LastReply,
    long SizeBytes);

/// <summary>The durable queue as operators see it.</summary>
public sealed class Queue
{
    /// <summary>By id; at most <paramref name="max"/> from <paramref name="after"/> on.</summary>
    public ValueTask<IReadOnlyList<QueueItem>> ListAsync(Domain? domain = null, long after = 0, int max = 1000, CancellationToken ct = default) =>
        throw new NotImplementedException();

    public ValueTask<QueueItem?> FindAsync(long id, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Tries again now.</summary>
    public ValueTask<Result<QueueItem>> RetryAsync(long id, CancellationToken ct = default) => throw new NotImplementedException();

    public ValueTask<Result<QueueItem>> HoldAsync(long id, CancellationToken ct = default) => throw new NotImplementedException();

    public ValueTask<Result<QueueItem>> ReleaseAsync(long id, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Gives it up without a report to the sender.</summary>
    public ValueTask<Result<QueueItem>> CancelAsync(long id, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Recipients by state, for metrics.</summary>
    public ValueTask<IReadOnlyDictionary<QueueState, long>> CountAsync(CancellationToken ct = default) => throw new NotImplementedException();
}
