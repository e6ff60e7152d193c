using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Crash;

/// <summary>A TCP connection to a port of this machine that is spoken in lines and counted bytes.</summary>
internal sealed class LineConnection : IDisposable
{
    private const int LineLengthMax = 1 << 20;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _buffer = new byte[16 * 1024];
    private int _from;
    private int _to;

    public static async Task<LineConnection> OpenAsync(int port, CancellationToken ct)
    {
        var connection = new LineConnection();
        try
        {
            await connection._socket.ConnectAsync(IPAddress.Loopback, port, ct);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        while (bytes.Length > 0) bytes = bytes[await _socket.SendAsync(bytes, ct)..];
    }

    public ValueTask WriteLineAsync(string line, CancellationToken ct) => WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"), ct);

    public async ValueTask<string> ReadLineAsync(CancellationToken ct)
    {
        int seen = 0;
        while (true)
        {
            int end = _buffer.AsSpan(_from + seen, _to - _from - seen).IndexOf((byte)'\n');
            if (end >= 0)
            {
                string line = Encoding.UTF8.GetString(_buffer.AsSpan(_from, seen + end).TrimEnd((byte)'\r'));
                _from += seen + end + 1;
                return line;
            }
            seen = _to - _from;
            await FillAsync(ct);
        }
    }

    public async ValueTask<byte[]> ReadAsync(int count, CancellationToken ct)
    {
        byte[] bytes = new byte[count];
        int have = 0;
        while (have < count)
        {
            if (_from == _to) await FillAsync(ct);
            int step = Math.Min(count - have, _to - _from);
            _buffer.AsSpan(_from, step).CopyTo(bytes.AsSpan(have));
            _from += step;
            have += step;
        }
        return bytes;
    }

    public void Dispose() => _socket.Dispose();

    private async ValueTask FillAsync(CancellationToken ct)
    {
        if (_from > 0)
        {
            _buffer.AsSpan(_from, _to - _from).CopyTo(_buffer);
            _to -= _from;
            _from = 0;
        }
        if (_to == _buffer.Length)
        {
            if (_buffer.Length >= LineLengthMax) throw new IOException("a line without end");
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }
        int got = await _socket.ReceiveAsync(_buffer.AsMemory(_to), ct);
        if (got == 0) throw new IOException("connection ended by the server");
        _to += got;
    }
}
