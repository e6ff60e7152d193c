using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Bench;

/// <summary>A blocking IMAP client, just enough for the benchmarks. It counts large answers as bytes, without making strings of them.</summary>
internal sealed class ImapClient : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[1024 * 1024];
    private int _from;
    private int _to;
    private int _tag;

    public ImapClient(int port)
    {
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 300_000 };
        _socket.Connect(IPAddress.Loopback, port);
        ReadLine();
    }

    public static ImapClient Open(Target target, int account)
    {
        var client = new ImapClient(target.ImapPort);
        client.Command($"LOGIN \"{target.Account(account)}\" \"{Target.Password}\"");
        return client;
    }

    /// <summary>Runs a command and returns its untagged lines, literals left out; anything but OK is an exception.</summary>
    public List<string> Command(string command)
    {
        var tag = SendTagged(command);
        var lines = new List<string>();
        while (true)
        {
            var line = ReadResponse();
            if (line.StartsWith(tag, StringComparison.Ordinal))
            {
                if (!line.AsSpan(tag.Length).StartsWith("OK"))
                    throw new IOException($"{command.Split(' ')[0]}: {line}");
                return lines;
            }
            lines.Add(line);
        }
    }

    /// <summary>Runs a FETCH and counts its answers. The tag starts a line only at the end, since no message of the corpus holds it.</summary>
    public (long Answers, long Bytes) CountFetch(string command)
    {
        var tag = Encoding.ASCII.GetBytes(SendTagged(command));
        var mark = " FETCH ("u8;
        long answers = 0, bytes = 0;
        int kept = 0;
        while (true)
        {
            int got = _socket.Receive(_buffer.AsSpan(kept));
            if (got == 0)
                throw new IOException("the connection ended inside a FETCH");
            bytes += got;
            var data = _buffer.AsSpan(0, kept + got);
            if (data[^1] == '\n' && FindsEnd(data, tag, out var ok))
            {
                answers += data.Count(mark);
                if (!ok)
                    throw new IOException("FETCH was refused: " + Encoding.UTF8.GetString(data[^Math.Min(200, data.Length)..]));
                return (answers, bytes);
            }
            // Everything is counted but the last bytes, which may hold the beginning of a mark or of the end.
            kept = Math.Min(data.Length, 4096);
            answers += data[..(data.Length - kept + mark.Length - 1)].Count(mark);
            data[^kept..].CopyTo(_buffer);
        }
    }

    public int Messages(string mailbox) => Number(Command($"STATUS {mailbox} (MESSAGES)"), "MESSAGES ");

    public int Select(string mailbox)
    {
        var exists = Command($"SELECT {mailbox}").First(l => l.EndsWith(" EXISTS", StringComparison.Ordinal));
        return int.Parse(exists.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    public int Search(string keys)
    {
        var line = Command($"SEARCH {keys}").FirstOrDefault(l => l.StartsWith("* SEARCH", StringComparison.Ordinal)) ?? "* SEARCH";
        return line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length - 2;
    }

    public bool Offers(string capability) =>
        Command("CAPABILITY").Any(l => l.Split(' ').Contains(capability, StringComparer.OrdinalIgnoreCase));

    public void Dispose() => _socket.Dispose();

    private static bool FindsEnd(ReadOnlySpan<byte> data, ReadOnlySpan<byte> tag, out bool ok)
    {
        var last = data[(data[..^1].LastIndexOf((byte)'\n') + 1)..];
        ok = last.Length > tag.Length && last[tag.Length..].StartsWith("OK"u8);
        return last.StartsWith(tag);
    }

    private static int Number(List<string> lines, string key)
    {
        foreach (var line in lines)
        {
            int at = line.IndexOf(key, StringComparison.OrdinalIgnoreCase);
            if (at < 0)
                continue;
            var digits = line.AsSpan(at + key.Length);
            int length = digits.IndexOfAnyExceptInRange('0', '9');
            return int.Parse(length < 0 ? digits : digits[..length], CultureInfo.InvariantCulture);
        }
        throw new IOException($"no {key.Trim()} in the answer");
    }

    private string SendTagged(string command)
    {
        var tag = string.Create(CultureInfo.InvariantCulture, $"Zq{++_tag:d5} ");
        _socket.Send(Encoding.UTF8.GetBytes($"{tag}{command}\r\n"));
        return tag;
    }

    private string ReadResponse()
    {
        var line = ReadLine();
        while (line.EndsWith('}') && line.LastIndexOf('{') is var open and >= 0
            && long.TryParse(line.AsSpan(open + 1, line.Length - open - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
        {
            Skip(length);
            line = line[..open] + ReadLine();
        }
        return line;
    }

    private string ReadLine()
    {
        int scanned = 0;
        while (true)
        {
            int end = _buffer.AsSpan(_from + scanned, _to - _from - scanned).IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = _buffer.AsSpan(_from, scanned + end);
                _from += scanned + end + 1;
                return Encoding.UTF8.GetString(line.TrimEnd((byte)'\r'));
            }
            scanned = _to - _from;
            Fill();
        }
    }

    private void Skip(long length)
    {
        while (length > 0)
        {
            if (_from == _to)
                Fill();
            var step = (int)Math.Min(length, _to - _from);
            _from += step;
            length -= step;
        }
    }

    private void Fill()
    {
        if (_from > 0)
        {
            _buffer.AsSpan(_from, _to - _from).CopyTo(_buffer);
            _to -= _from;
            _from = 0;
        }
        if (_to == _buffer.Length)
            throw new IOException("a line longer than the client's buffer");
        int got = _socket.Receive(_buffer.AsSpan(_to));
        if (got == 0)
            throw new IOException("connection ended by the server");
        _to += got;
    }
}
