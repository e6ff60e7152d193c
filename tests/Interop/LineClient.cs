using System.Net.Sockets;
using System.Text;

namespace Posthorn.Interop;

/// <summary>A client that says exactly what it is told, byte by byte, where every well-behaved program would be too polite.</summary>
internal sealed class LineClient : IDisposable
{
    private readonly TcpClient _socket;
    private readonly StreamReader _reader;

    private LineClient(TcpClient socket)
    {
        _socket = socket;
        _reader = new StreamReader(socket.GetStream(), Encoding.Latin1);
    }

    public static async Task<LineClient> ConnectAsync(int port)
    {
        var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
        return new LineClient(socket);
    }

    public async Task SendAsync(string text) =>
        await _socket.GetStream().WriteAsync(Encoding.Latin1.GetBytes(text), TestContext.Current.CancellationToken);

    /// <summary>The next line, or null when the server has closed.</summary>
    public async Task<string?> ReadLineAsync() => await _reader.ReadLineAsync(TestContext.Current.CancellationToken);

    /// <summary>An SMTP reply, its last line; a reply of several lines counts as one.</summary>
    public async Task<string> ReplyAsync()
    {
        while (await ReadLineAsync() is { } line)
        {
            if (line.Length < 4 || line[3] != '-') return line;
        }

        return "";
    }

    public async Task<string> AskAsync(string line)
    {
        await SendAsync(line + "\r\n");
        return await ReplyAsync();
    }

    /// <summary>Everything up to the tagged answer of an IMAP command.</summary>
    public async Task<string> CommandAsync(string tag, string command)
    {
        await SendAsync($"{tag} {command}\r\n");
        var answer = new StringBuilder();
        while (await ReadLineAsync() is { } line)
        {
            answer.Append(line).Append('\n');
            if (line.StartsWith(tag + " ", StringComparison.Ordinal)) break;
        }

        return answer.ToString();
    }

    public void Dispose()
    {
        _reader.Dispose();
        _socket.Dispose();
    }
}
