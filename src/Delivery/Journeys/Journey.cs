using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Posthorn.Db;

namespace Posthorn.Delivery;

// What happened to each message, for whoever asks where it is. It is written behind everything else: a step is put into a bounded line and the
// caller goes on; one task writes what has gathered, at most once a second or 256 steps at a time, into a database of its own whose commits are not
// synced one by one. What a power cut takes of it, up to the last second, is in the log. When the line is full a step is left out and counted:
// mail is never kept waiting for its trace.

/// <summary>The traces of all messages.</summary>
public sealed class Journey : IAsyncDisposable
{
    private static readonly Meter Meter = new("Posthorn.Delivery");

    private static readonly Counter<long> Lost =
        Meter.CreateCounter<long>("posthorn.journey.lost", "{event}", "Steps of messages that were left out of their traces.");

    private readonly Channel<object> _line = Channel.CreateBounded<object>(
        new BoundedChannelOptions(JourneyLimits.WaitingMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly HashSet<int> _made = [];
    private readonly Database _db;
    private readonly TimeSpan _kept;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Task _writing;
    private DateTimeOffset _nextPurge;

    private Journey(Database db, TimeSpan kept, TimeProvider time, ILogger log)
    {
        (_db, _kept, _time, _log) = (db, kept, time, log);
        _writing = WriteAsync();
    }

    /// <summary>Its own database: <c>journey.db</c>, or the schema <c>journey</c>.</summary>
    /// <param name="settings">Of the main one.</param>
    /// <param name="kept">How long traces are kept, in whole days.</param>
    public static async Task<Journey> OpenAsync(
        DatabaseSettings settings, TimeSpan kept, TimeProvider time, ILoggerFactory logs, CancellationToken ct)
    {
        var own = settings with
        {
            Name = settings.Name == "posthorn" ? "journey" : settings.Name + "_journey",
            Durable = false,
            CacheSizeBytes = 4 * 1024 * 1024,
            ConnectionsMax = 1,
        };
        var db = await Database.OpenAsync(own, [JourneyTable.Schema], time, logs, ct);
        return new Journey(db, kept, time, logs.CreateLogger("Posthorn.Delivery"));
    }

    /// <summary>Notes a step. Never waits and never fails.</summary>
    public void Note(JourneyEvent step)
    {
        if (!_line.Writer.TryWrite(step)) Lost.Add(1);
    }

    /// <summary>The steps of the messages that the query finds: the last message first, each message's steps in the order of time.</summary>
    public async Task<IReadOnlyList<JourneyEvent>> FindAsync(JourneyQuery query, int messagesMax, CancellationToken ct = default)
    {
        await FlushAsync(ct);
        var names = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var step in EventsAsync(query, query.Key, newestFirst: true, ct))
        {
            if (!query.Matches(step) || !seen.Add(step.Message)) continue;
            names.Add(step.Message);
            if (names.Count >= Math.Min(messagesMax, JourneyLimits.FoundMessagesMax)) break;
        }
        var found = new List<JourneyEvent>();
        foreach (var name in names)
        {
            var steps = new List<JourneyEvent>();
            await foreach (var step in EventsAsync(new JourneyQuery(), JourneyKeys.OfMessage(name), newestFirst: false, ct))
            {
                if (step.Message == name) steps.Add(step);
                if (steps.Count >= JourneyLimits.EventsPerMessageMax) break;
            }
            if (query.Within is { } domain && !steps.Exists(step => IsWithin(step, domain.Ascii))) continue;
            found.AddRange(steps.OrderBy(static step => step.At));
        }
        return found;
    }

    /// <summary>Every step that the query matches, in the order of time: for export, block by block.</summary>
    public async IAsyncEnumerable<JourneyEvent> ExportAsync(
        JourneyQuery query, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct = default)
    {
        await FlushAsync(ct);
        await foreach (var step in EventsAsync(query, query.Key, newestFirst: false, ct))
        {
            if (query.Matches(step) && (query.Within is null || IsWithin(step, query.Within.Ascii))) yield return step;
        }
    }

    /// <summary>Returns when everything that was noted before is written.</summary>
    public async Task FlushAsync(CancellationToken ct = default)
    {
        var flushed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _line.Writer.WriteAsync(flushed, ct);
        await flushed.Task.WaitAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        _line.Writer.TryComplete();
        await _writing;
        await _db.DisposeAsync();
    }

    private static bool IsWithin(JourneyEvent step, string domain) =>
        step.From?.EndsWith("@" + domain, StringComparison.OrdinalIgnoreCase) == true
        || step.To.Any(to => to.EndsWith("@" + domain, StringComparison.OrdinalIgnoreCase));

    private async IAsyncEnumerable<JourneyEvent> EventsAsync(
        JourneyQuery query, string? key, bool newestFirst, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var (since, until) = (query.Since ?? DateTimeOffset.UnixEpoch, query.Until ?? DateTimeOffset.MaxValue);
        var days = await _db.ReadAsync(JourneyTable.Days, ct);
        if (!newestFirst) days.Reverse();
        foreach (var day in days.Where(day => day >= JourneyTable.DayOf(since) && day <= JourneyTable.DayOf(until)))
        {
            var from = newestFirst ? long.MaxValue : 0;
            while (await _db.ReadAsync(db => JourneyTable.Blocks(db, day, key, since, until, from, newestFirst, JourneyLimits.BlocksPerReadMax), ct)
                is { Count: > 0 } blocks)
            {
                from = blocks[^1].Block;
                foreach (var (_, lines) in blocks)
                {
                    var steps = Split(lines);
                    if (newestFirst) steps.Reverse();
                    foreach (var step in steps) yield return step;
                }
            }
        }
    }

    private static List<JourneyEvent> Split(ReadOnlyMemory<byte> lines)
    {
        var steps = new List<JourneyEvent>();
        while (lines.Span.IndexOf((byte)'\n') is >= 0 and var end)
        {
            steps.Add(JourneyText.Read(lines[..end]));
            lines = lines[(end + 1)..];
        }
        return steps;
    }

    private async Task WriteAsync()
    {
        await Task.Yield();
        var block = new List<JourneyEvent>(JourneyLimits.BlockEventsMax);
        var waiting = new List<TaskCompletionSource>();
        while (await _line.Reader.WaitToReadAsync())
        {
            var until = _time.GetTimestamp();
            while (block.Count < JourneyLimits.BlockEventsMax && waiting.Count == 0)
            {
                if (_line.Reader.TryRead(out var next))
                {
                    if (next is JourneyEvent step) block.Add(step);
                    else waiting.Add((TaskCompletionSource)next);
                    continue;
                }
                var left = JourneyLimits.FlushInterval - _time.GetElapsedTime(until);
                if (left <= TimeSpan.Zero || !await MoreAsync(left)) break;
            }
            if (block.Count > 0) await WriteAsync(block);
            block.Clear();
            foreach (var flushed in waiting) flushed.TrySetResult();
            waiting.Clear();
        }
    }

    private async Task<bool> MoreAsync(TimeSpan left)
    {
        try
        {
            return await _line.Reader.WaitToReadAsync().AsTask().WaitAsync(left, _time);
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task WriteAsync(List<JourneyEvent> block)
    {
        try
        {
            await _db.WriteAsync(
                tx =>
                {
                    JourneyTable.Write(tx, block, _made);
                    return true;
                });
            foreach (var step in block) _made.Add(JourneyTable.DayOf(step.At));
            var now = _time.GetUtcNow();
            if (now < _nextPurge) return;
            _nextPurge = now + JourneyLimits.PurgeInterval;
            var first = JourneyTable.DayOf(now - _kept);
            _made.RemoveWhere(day => day < first);
            await _db.WriteAsync(tx => JourneyTable.Purge(tx, first));
        }
        catch (Exception error)
        {
            Lost.Add(block.Count);
            Log.JourneyFailed(_log, error, block.Count);
        }
    }
}
