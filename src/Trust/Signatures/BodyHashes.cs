using System.Security.Cryptography;

namespace Posthorn.Trust;

/// <summary>What becomes of the body of one message: its hash under one canonicalization, up to a length.</summary>
internal sealed class BodyHash : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly long _limit;
    private byte[]? _value;

    public BodyHash(bool relaxed, long? limit) => (IsRelaxed, Limit, _limit) = (relaxed, limit, limit ?? long.MaxValue);

    public bool IsRelaxed { get; }

    /// <summary>The l tag; null for the whole body.</summary>
    public long? Limit { get; }

    /// <summary>Octets of the whole canonicalized body.</summary>
    public long Length { get; private set; }

    /// <summary>Known after <see cref="BodyHashes.Finish"/>.</summary>
    public ReadOnlySpan<byte> Value => _value;

    public void Append(ReadOnlySpan<byte> canonical)
    {
        var left = _limit - Length;
        Length += canonical.Length;
        if (left <= 0) return;
        _hash.AppendData(canonical.Length <= left ? canonical : canonical[..(int)left]);
    }

    public void Finish() => _value ??= _hash.GetHashAndReset();

    public void Dispose() => _hash.Dispose();
}

/// <summary>The hashes of one body, computed while it passes by: each pair of canonicalization and length once (RFC 6376 §3.7).</summary>
/// <remarks>Only SHA-256: nothing is verified by SHA-1 any more (RFC 8301 §3.1).</remarks>
internal sealed class BodyHashes : IDisposable
{
    private readonly List<BodyHash> _hashes = [];
    private SimpleBody? _simple;
    private RelaxedBody? _relaxed;
    private bool _finished;

    /// <summary>Before the first octet.</summary>
    public BodyHash Want(bool relaxed, long? limit)
    {
        if (_hashes.Find(hash => hash.IsRelaxed == relaxed && hash.Limit == limit) is { } same) return same;
        var added = new BodyHash(relaxed, limit);
        _hashes.Add(added);
        if (relaxed) (_relaxed ??= new RelaxedBody()).Sinks.Add(added);
        else (_simple ??= new SimpleBody()).Sinks.Add(added);
        return added;
    }

    public bool IsEmpty => _hashes.Count == 0;

    public void Append(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty) return;
        _simple?.Append(body);
        _relaxed?.Append(body);
    }

    public void Finish()
    {
        if (_finished) return;
        _finished = true;
        _simple?.Finish();
        _relaxed?.Finish();
        foreach (var hash in _hashes) hash.Finish();
    }

    public void Dispose()
    {
        foreach (var hash in _hashes) hash.Dispose();
    }
}

/// <summary>RFC 6376 §3.4.3: empty lines at the end are none, and the last line has an end.</summary>
internal sealed class SimpleBody
{
    private long _lineEnds; // held back: they may be the last
    private bool _cr; // the last octet was one

    public List<BodyHash> Sinks { get; } = [];

    public void Append(ReadOnlySpan<byte> body)
    {
        if (_cr)
        {
            _cr = false;
            if (body[0] == '\n')
            {
                _lineEnds++;
                body = body[1..];
            }
            else
            {
                Release();
                Emit("\r"u8);
            }
        }
        if (body.EndsWith((byte)'\r'))
        {
            _cr = true;
            body = body[..^1];
        }
        var ends = 0;
        while (body.EndsWith("\r\n"u8))
        {
            ends++;
            body = body[..^2];
        }
        if (!body.IsEmpty)
        {
            Release();
            Emit(body);
        }
        _lineEnds += ends;
    }

    public void Finish()
    {
        if (_cr)
        {
            Release();
            Emit("\r"u8);
        }
        Emit("\r\n"u8);
    }

    private void Release()
    {
        for (; _lineEnds > 0; _lineEnds--) Emit("\r\n"u8);
    }

    private void Emit(ReadOnlySpan<byte> octets)
    {
        foreach (var sink in Sinks) sink.Append(octets);
    }
}

/// <summary>RFC 6376 §3.4.4: runs of white space are one space, none at the end of a line; empty lines at the end are none.</summary>
internal sealed class RelaxedBody
{
    private readonly byte[] _buffer = new byte[4096];
    private int _used;
    private long _lineEnds;
    private bool _cr;
    private bool _space;
    private bool _any;

    public List<BodyHash> Sinks { get; } = [];

    public void Append(ReadOnlySpan<byte> body)
    {
        while (!body.IsEmpty)
        {
            if (!_cr && !_space && TryWholeLine(body, out var taken)) body = body[taken..];
            else body = body[ToLineEnd(body)..];
        }
        Flush();
    }

    // Most lines are canonical as they come.
    private bool TryWholeLine(ReadOnlySpan<byte> body, out int taken)
    {
        var end = body.IndexOf("\r\n"u8);
        taken = end + 2;
        if (end < 0) return false;
        var line = body[..end];
        if (!line.IsEmpty)
        {
            if (line[^1] == ' ' || line.IndexOfAny((byte)'\t', (byte)'\r') >= 0 || line.IndexOf("  "u8) >= 0) return false;
            ReleaseLineEnds();
            _any = true;
            PutAll(line);
        }
        _lineEnds++;
        return true;
    }

    private int ToLineEnd(ReadOnlySpan<byte> body)
    {
        for (var i = 0; i < body.Length; i++)
        {
            var b = body[i];
            if (_cr)
            {
                _cr = false;
                if (b == '\n')
                {
                    _space = false;
                    _lineEnds++;
                    return i + 1;
                }
                Put((byte)'\r');
            }
            switch (b)
            {
                case (byte)' ' or (byte)'\t':
                    _space = true;
                    break;
                case (byte)'\r':
                    _cr = true;
                    break;
                default:
                    Put(b);
                    break;
            }
        }
        return body.Length;
    }

    public void Finish()
    {
        if (_cr) Put((byte)'\r');
        if (_any)
        {
            _lineEnds = 0;
            PutRaw((byte)'\r');
            PutRaw((byte)'\n');
        }
        Flush();
    }

    private void Put(byte value)
    {
        if (_lineEnds > 0) ReleaseLineEnds();
        if (_space)
        {
            _space = false;
            PutRaw((byte)' ');
        }
        _any = true;
        PutRaw(value);
    }

    private void ReleaseLineEnds()
    {
        for (; _lineEnds > 0; _lineEnds--)
        {
            PutRaw((byte)'\r');
            PutRaw((byte)'\n');
        }
    }

    private void PutAll(ReadOnlySpan<byte> octets)
    {
        while (!octets.IsEmpty)
        {
            var take = Math.Min(octets.Length, _buffer.Length - _used);
            octets[..take].CopyTo(_buffer.AsSpan(_used));
            _used += take;
            octets = octets[take..];
            if (_used == _buffer.Length) Flush();
        }
    }

    private void PutRaw(byte value)
    {
        _buffer[_used++] = value;
        if (_used == _buffer.Length) Flush();
    }

    private void Flush()
    {
        if (_used == 0) return;
        foreach (var sink in Sinks) sink.Append(_buffer.AsSpan(0, _used));
        _used = 0;
    }
}
