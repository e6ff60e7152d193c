using System.Buffers;
using System.IO.Pipelines;

namespace Posthorn.Wire;

/// <summary>Reads a connection as command lines and bodies, in place: a line is a slice of the pipe's own memory.</summary>
/// <remarks>
/// The one reader of its connection, used by one task at a time; writing may go on beside it. Nothing is held while it waits
/// for the next command: all that was consumed goes back to the pipe first. A line or chunk is valid until the next call.
/// Peers that leave, reset or abort are a status, never an exception.
/// </remarks>
public sealed class CommandReader : IDisposable
{
    /// <summary>How much of a line that is too long the speaker gets to see.</summary>
    public const int HeadOctetsMax = 128;

    private readonly WireConnection _connection;
    private readonly Deadline _deadline;
    private readonly CancellationTokenRegistration _stopping;
    private ReadOnlySequence<byte> _buffer; // read from the pipe, not yet consumed
    private long _scanned; // octets of _buffer known to hold no end of line
    private bool _held; // the pipe waits for AdvanceTo
    private bool _looked; // a body's caller has seen all of _buffer and wants more
    private bool _ended;
    private long _bodyOctets;
    private TimeSpan _bodyWaited;

    internal CommandReader(WireConnection connection)
    {
        _connection = connection;
        _deadline = new Deadline(connection.Time, Wake);
        _stopping = connection.Stopping.UnsafeRegister(static reader => ((CommandReader)reader!).Wake(), this);
    }

    private WireLimits Limits => _connection.Limits;

    /// <summary>The next line. Its limits are those of <see cref="WireConnection.Limits"/> at this moment.</summary>
    /// <param name="ct">Ends the wait with an <see cref="OperationCanceledException"/>; nothing of the input is lost.</param>
    public ValueTask<CommandLine> ReadLineAsync(CancellationToken ct = default)
    {
        if (_connection.Stopping.IsCancellationRequested) return new(CommandLine.Failed(ReadStatus.Stopping));
        return TryCut(out var line) ? new(line) : WaitForLineAsync(ct);
    }

    /// <summary>True when a whole line waits in memory, as clients that pipeline send them: the reply to the one before need not be flushed yet
    /// (RFC 2920 §3.2).</summary>
    public bool HasLine => FindLine(out _) > 0;

    /// <summary>Waits a while; true as soon as the peer has sent something, false when it kept silent or is gone.</summary>
    public async ValueTask<bool> HearsWithinAsync(TimeSpan time, CancellationToken ct = default) =>
        !_buffer.IsEmpty || await FillAsync(time, stoppable: true, ct) == ReadStatus.Ok;

    /// <summary>Starts the clock of a body. Call it before the first <see cref="ReadBodyAsync"/> of each.</summary>
    public void BeginBody()
    {
        _bodyOctets = 0;
        _bodyWaited = TimeSpan.Zero;
        _looked = false;
    }

    /// <summary>
    /// What has arrived and is not consumed; waits when there is nothing, or when the last <see cref="Advance(SequencePosition,
    /// SequencePosition)"/> examined it all.
    /// </summary>
    /// <remarks>A graceful stop does not end it: the command under way is finished.</remarks>
    public async ValueTask<BodyChunk> ReadBodyAsync(CancellationToken ct = default)
    {
        if (_buffer.IsEmpty || _looked)
        {
            var before = _buffer.Length;
            var allowed = Limits.BodyGrace + TimeSpan.FromSeconds((double)_bodyOctets / Limits.BodyOctetsPerSecondMin) - _bodyWaited;
            var started = _connection.Time.GetTimestamp();
            var status = await FillAsync(allowed < Limits.StallTimeout ? allowed : Limits.StallTimeout, stoppable: false, ct);
            _bodyWaited += _connection.Time.GetElapsedTime(started);
            if (status != ReadStatus.Ok) return new(status, default);
            _bodyOctets += Math.Max(0, _buffer.Length - before);
        }
        _looked = false;
        return new(ReadStatus.Ok, _buffer);
    }

    /// <summary>Consumes a part of the last chunk; the rest comes again with the next read.</summary>
    public void Advance(SequencePosition consumed)
    {
        _looked = false;
        Drop(consumed);
    }

    /// <summary>As <see cref="Advance(SequencePosition)"/>; when everything was examined, the next read waits for more.</summary>
    public void Advance(SequencePosition consumed, SequencePosition examined)
    {
        _looked = _buffer.Slice(examined).IsEmpty;
        Drop(consumed);
    }

    /// <summary>Fills the destination, as a small literal needs it.</summary>
    public async ValueTask<ReadStatus> ReadExactAsync(Memory<byte> destination, CancellationToken ct = default)
    {
        BeginBody();
        while (!destination.IsEmpty)
        {
            var chunk = await ReadBodyAsync(ct);
            if (!chunk.Ok) return chunk.Status;
            var some = chunk.Bytes.Length > destination.Length ? chunk.Bytes.Slice(0, destination.Length) : chunk.Bytes;
            some.CopyTo(destination.Span);
            destination = destination[(int)some.Length..];
            Advance(some.End);
        }
        return ReadStatus.Ok;
    }

    /// <summary>Streams so many octets to a sink, one pipe's buffer at a time. The time the sink takes is not held against the peer.</summary>
    public async ValueTask<ReadStatus> CopyAsync(
        long count, Func<ReadOnlySequence<byte>, CancellationToken, ValueTask> sink, CancellationToken ct = default)
    {
        BeginBody();
        while (count > 0)
        {
            var chunk = await ReadBodyAsync(ct);
            if (!chunk.Ok) return chunk.Status;
            var some = chunk.Bytes.Length > count ? chunk.Bytes.Slice(0, count) : chunk.Bytes;
            await sink(some, ct);
            count -= some.Length;
            Advance(some.End);
        }
        return ReadStatus.Ok;
    }

    /// <summary>Throws so many octets away, as after a literal that is too large and was sent without asking (RFC 7888).</summary>
    public ValueTask<ReadStatus> DiscardAsync(long count, CancellationToken ct = default) =>
        CopyAsync(count, static (_, _) => ValueTask.CompletedTask, ct);

    /// <summary>Forgets every octet that has arrived: what was sent before a TLS handshake must never be read after it (RFC 3207 §4.2).</summary>
    internal void DropArrived()
    {
        while (true)
        {
            if (_held) _connection.Input.AdvanceTo(_buffer.End);
            _buffer = default;
            _scanned = 0;
            _held = _looked = false;
            if (!_connection.Input.TryRead(out var more)) return;
            _held = true;
            _buffer = more.Buffer;
            _ended = more.IsCompleted;
            if (_ended) return;
        }
    }

    /// <summary>The connection does it at its end.</summary>
    public void Dispose()
    {
        _stopping.Dispose();
        _deadline.Dispose();
        if (_held) _connection.Input.AdvanceTo(_buffer.Start);
        _held = false;
        _buffer = default;
    }

    // A body that is read to its end goes back to the pipe at once, not only when the next command is waited for.
    private void Drop(SequencePosition consumed)
    {
        _buffer = _buffer.Slice(consumed);
        _scanned = 0;
        if (!_buffer.IsEmpty || !_held) return;
        _connection.Input.AdvanceTo(_buffer.End);
        _buffer = default;
        _held = false;
    }

    private void Wake() => _connection.Input.CancelPendingRead();

    private async ValueTask<CommandLine> WaitForLineAsync(CancellationToken ct)
    {
        var started = _buffer.IsEmpty ? default(long?) : _connection.Time.GetTimestamp();
        while (true)
        {
            if (TryCut(out var line)) return line;
            // What follows LineOctetsMax octets without an ending, or an ending beyond them, is thrown away.
            if (_buffer.Length >= Limits.LineOctetsMax) return await DiscardLineAsync(started, ct);
            var status = await FillAsync(Left(started), stoppable: true, ct);
            if (status == ReadStatus.TooSlow && started is null) status = ReadStatus.Idle;
            if (status != ReadStatus.Ok) return CommandLine.Failed(status);
            started ??= _connection.Time.GetTimestamp();
        }
    }

    // Silence before a command may last long; from its first octet on the whole command has one time limit.
    private TimeSpan Left(long? started) =>
        started is { } first ? Limits.CommandTimeout - _connection.Time.GetElapsedTime(first) : Limits.IdleTimeout;

    // The head is kept, the rest passes by in the pipe's own buffers.
    private async ValueTask<CommandLine> DiscardLineAsync(long? started, CancellationToken ct)
    {
        var head = new ReadOnlySequence<byte>(_buffer.Slice(0, Math.Min(HeadOctetsMax, _buffer.Length)).ToArray());
        for (var discarded = 0L; discarded <= Limits.DiscardOctetsMax;)
        {
            var octets = FindLine(out _);
            var drop = octets > 0 ? octets : _buffer.Length - 1; // the last octet may be the CR of the ending
            discarded += drop;
            Consume(drop);
            if (octets > 0) return new(ReadStatus.TooLong, head);
            var status = await FillAsync(Left(started), stoppable: true, ct);
            if (status != ReadStatus.Ok) return CommandLine.Failed(status);
        }
        return new(ReadStatus.Endless, head);
    }

    // Cuts the first line off, when it is complete and not too long.
    private bool TryCut(out CommandLine line)
    {
        line = default;
        var octets = FindLine(out var ending);
        if (octets == 0 || octets > Limits.LineOctetsMax) return false;
        line = new CommandLine(ReadStatus.Ok, _buffer.Slice(0, octets - ending));
        Consume(octets);
        return true;
    }

    private void Consume(long octets)
    {
        _buffer = _buffer.Slice(octets);
        _scanned = 0;
        _looked = false;
    }

    // Octets of the first line with its ending, or 0 when there is no ending yet.
    private long FindLine(out int ending)
    {
        ending = 0;
        if (_buffer.Length <= _scanned) return 0;
        var reader = new SequenceReader<byte>(_buffer.Slice(_scanned));
        while (reader.TryAdvanceTo((byte)'\n', advancePastDelimiter: true))
        {
            var octets = _scanned + reader.Consumed;
            var crlf = octets > 1 && _buffer.Slice(octets - 2, 1).FirstSpan[0] == '\r';
            if (!crlf && !Limits.BareLfEndsLine) continue; // RFC 5321 §2.3.8: a bare LF is no line ending
            ending = crlf ? 2 : 1;
            return octets;
        }
        _scanned = _buffer.Length;
        return 0;
    }

    // Waits until the pipe holds more than it did, and says how that went. Everything consumed goes back to the pipe before the wait.
    private async ValueTask<ReadStatus> FillAsync(TimeSpan timeout, bool stoppable, CancellationToken ct)
    {
        if (_ended) return ReadStatus.Closed;
        if (timeout <= TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan) return ReadStatus.TooSlow;
        var had = _buffer.Length;
        while (true)
        {
            var input = _connection.Input;
            if (_held) input.AdvanceTo(_buffer.Start, _buffer.End);
            _buffer = default;
            _held = false;
            ReadResult result;
            var expired = false;
            try
            {
                var pending = input.ReadAsync(ct);
                if (!pending.IsCompleted) _deadline.Arm(timeout);
                result = await pending;
            }
            catch (Exception e) when (WireConnection.IsGone(e, ct))
            {
                _ended = true;
                return ReadStatus.Closed;
            }
            finally
            {
                expired = _deadline.Disarm();
            }
            _held = true;
            _buffer = result.Buffer;
            if (_buffer.Length > had) return ReadStatus.Ok;
            if (_ended = result.IsCompleted) return ReadStatus.Closed;
            if (expired) return ReadStatus.TooSlow;
            if (stoppable && _connection.Stopping.IsCancellationRequested) return ReadStatus.Stopping;
        }
    }
}
