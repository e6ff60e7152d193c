namespace Posthorn.Mime;

/// <summary>What the reader reads: the caller's octets, with a window on the latest, an end that can be moved up, a count of lines.</summary>
/// <remarks>
/// The event reader looks ahead by less than <see cref="KeptOctets"/>, so each offset it speaks of is still in the window. Its own end offsets
/// and line counts depend on where its buffer happened to end; the window is where they are checked.
/// </remarks>
internal sealed class Feed : Stream
{
    private const int KeptOctets = 16 * 1024;

#pragma warning disable CA2213 // the caller's stream stays the caller's
    private readonly Stream? _source;
#pragma warning restore CA2213
    private readonly byte[] _ring = [];
    private ReadOnlyMemory<byte> _window;
    private long _windowStart;
    private long _anchor;
    private long _anchorNewlines;
    private long _read;
    private bool _stopped;
    private readonly List<byte> _held = []; // what the window has lost of the octets since the mark
    private long _mark;

    public Feed(ReadOnlyMemory<byte> message)
    {
        _window = message;
        Total = message.Length;
    }

    public Feed(Stream source)
    {
        _source = source;
        _ring = new byte[2 * KeptOctets];
        Total = -1;
    }

    /// <summary>Octets of the message; known after <see cref="DrainAsync"/>.</summary>
    public long Total { get; private set; }

    /// <summary>Reading stops at the first buffer beyond this offset: how long one header field may grow.</summary>
    public long StopAt { get; set; } = long.MaxValue;

    /// <summary>The message goes on beyond what the event reader was shown.</summary>
    public bool Stopped => _stopped;

    /// <summary>The source itself failed; that is not the message's fault and goes to the caller.</summary>
    public bool SourceFailed { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => _read; set => throw new NotSupportedException(); }

    /// <summary>The event reader sees the end here; the parts that are open get the rest as it is.</summary>
    public void Stop() => _stopped = true;

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (AtStop()) return 0;
        if (_source is null) return Copy(buffer);
        SourceFailed = true;
        var count = _source.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        SourceFailed = false;
        Remember(buffer[..count]);
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (AtStop()) return 0;
        if (_source is null) return Copy(buffer.Span);
        SourceFailed = true;
        var count = await _source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        SourceFailed = false;
        Remember(buffer.Span[..count]);
        return count;
    }

    /// <summary>Reads what nobody asked for, so that length and line count of the whole are known.</summary>
    public async ValueTask DrainAsync(CancellationToken cancellationToken)
    {
        if (_source is null) return;
        var buffer = new byte[KeptOctets];
        while (true)
        {
            SourceFailed = true;
            var count = await _source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
            SourceFailed = false;
            if (count == 0) break;
            Remember(buffer.AsSpan(0, count));
        }
        Total = _read;
    }

    /// <summary>Line feeds before an offset that is in the window.</summary>
    public long NewlinesBefore(long offset)
    {
        offset = Math.Clamp(offset, _windowStart, _windowStart + _window.Length);
        var span = _window.Span;
        var from = (int)(_anchor - _windowStart);
        var to = (int)(offset - _windowStart);
        _anchorNewlines += to >= from ? span[from..to].Count((byte)'\n') : -span[to..from].Count((byte)'\n');
        _anchor = offset;
        return _anchorNewlines;
    }

    /// <summary>Line feeds before the mark.</summary>
    public long NewlinesBeforeMark { get; private set; }

    /// <summary>All that was read since the mark.</summary>
    public ReadOnlySpan<byte> SinceMark =>
        _held.Count == 0 ? Slice(_mark, (int)(_read - _mark)) : (byte[])[.. _held, .. _window.Span];

    /// <summary>What is read from this offset on, which is in the window, is kept until the mark is moved or taken away: it may be no header
    /// but text. That is one field at most, by <see cref="StopAt"/>. At first the mark is at 0.</summary>
    public void Mark(long offset)
    {
        NewlinesBeforeMark = NewlinesBefore(offset);
        _mark = offset;
        _held.Clear();
    }

    /// <summary>The header has ended.</summary>
    public void Unmark()
    {
        _mark = long.MaxValue;
        _held.Clear();
    }

    /// <summary>
    /// The end of a body, from what the event reader says it is. The line end before a delimiter belongs to the delimiter
    /// (RFC 2046 §5.1.1); the reader takes it off by what its buffer holds there, which may be older octets.
    /// </summary>
    public long BodyEnd(long reported)
    {
        var next = Slice(reported, 1);
        if (next.IsEmpty || next[0] == '\r') return reported;
        if (next[0] != '\n')
        {
            if (At(reported - 1) != '\n') return reported;
            reported--;
        }
        return At(reported - 1) == '\r' ? reported - 1 : reported;
    }

    /// <summary>Up to <paramref name="count"/> octets from an offset, as far as the window has them.</summary>
    public ReadOnlySpan<byte> Slice(long offset, int count)
    {
        var at = offset - _windowStart;
        if (at < 0 || at >= _window.Length || offset >= _read) return default;
        return _window.Span.Slice((int)at, (int)Math.Min(count, _window.Length - at));
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private byte At(long offset)
    {
        var octet = Slice(offset, 1);
        return octet.IsEmpty ? (byte)0 : octet[0];
    }

    private bool AtStop() => _stopped |= _read > StopAt;

    private int Copy(Span<byte> buffer)
    {
        var rest = _window.Span[(int)_read..];
        var count = Math.Min(rest.Length, buffer.Length);
        rest[..count].CopyTo(buffer);
        _read += count;
        return count;
    }

    private void Remember(ReadOnlySpan<byte> latest)
    {
        while (!latest.IsEmpty)
        {
            var used = _window.Length;
            if (used == _ring.Length)
            {
                NewlinesBefore(Math.Max(_anchor, _windowStart + KeptOctets));
                if (_mark < _windowStart + KeptOctets) _held.AddRange(_ring.AsSpan()[(int)Math.Max(0, _mark - _windowStart)..KeptOctets]);
                _ring.AsSpan(KeptOctets).CopyTo(_ring);
                _windowStart += KeptOctets;
                used = KeptOctets;
            }
            var count = Math.Min(latest.Length, _ring.Length - used);
            latest[..count].CopyTo(_ring.AsSpan(used));
            _window = _ring.AsMemory(0, used + count);
            _read += count;
            latest = latest[count..];
        }
    }
}
