using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Delivery.Tests;

/// <summary>One connection to a <see cref="ScriptedServer"/>, and what was said over it.</summary>
internal sealed class Conversation(ScriptedServer server, TcpClient client)
{
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly List<byte> _chunks = [];
    private Stream _stream = client.GetStream();
    private int _at;
    private int _end;

    public TcpClient Client => client;

    public Task Done { get; set; } = Task.CompletedTask;

    public ConcurrentQueue<string> Commands { get; } = new();

    /// <summary>As they came, the dots of transparency taken away; an unfinished one is not here.</summary>
    public ConcurrentQueue<string> Messages { get; } = new();

    public bool IsTls => _stream is SslStream;

    public string[] Said(string verb) => [.. Commands.Where(c => c.StartsWith(verb, StringComparison.Ordinal))];

    public async Task RunAsync()
    {
        if (server.ImplicitTls) await SecureAsync();
        await SayAsync(server.Greeting);
        while (await ReadLineAsync() is { } line)
        {
            Commands.Enqueue(line);
            var verb = line.Split(' ')[0].ToUpperInvariant();
            if (verb == "BDAT")
            {
                await TakeChunkAsync(line.Split(' '));
                continue;
            }
            var answer = server.Answer(line) ?? Usual(verb);
            if (answer.Length == 0) return;
            await SayAsync(answer, verb == "STARTTLS" ? server.AfterGoAhead : "");
            if (verb == "QUIT" || answer.StartsWith("421", StringComparison.Ordinal)) return;
            if (verb == "STARTTLS" && answer[0] == '2' && server.BreakTls) return;
            if (verb == "STARTTLS" && answer[0] == '2') await SecureAsync();
            if (verb == "DATA" && answer[0] == '3' && !await TakeMessageAsync()) return;
        }
    }

    private async Task TakeChunkAsync(string[] words)
    {
        for (var left = int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture); left > 0; left--)
        {
            if (_at == _end) (_at, _end) = (0, await _stream.ReadAsync(_buffer));
            if (_end == 0) throw new IOException("The client has left");
            _chunks.Add(_buffer[_at++]);
        }
        var answer = server.Answer(string.Join(' ', words)) ?? "250 2.0.0 taken";
        if (words.Length == 3 && answer[0] == '2') Messages.Enqueue(Encoding.UTF8.GetString([.. _chunks]));
        if (words.Length == 3) _chunks.Clear();
        await SayAsync(answer);
    }

    private async Task<bool> TakeMessageAsync()
    {
        var message = new StringBuilder();
        while (await ReadLineAsync() is { } text)
        {
            if (text != ".")
            {
                message.Append(text.StartsWith('.') ? text[1..] : text).Append("\r\n");
                continue;
            }
            Messages.Enqueue(message.ToString());
            var answer = server.Answer(".") ?? "250 2.0.0 taken";
            if (answer.Length == 0) return false;
            await SayAsync(answer);
            return true;
        }
        return false;
    }

    private string Usual(string verb) => verb switch
    {
        "EHLO" => Hello(),
        "HELO" => "250 mx.test",
        "MAIL" or "RCPT" or "RSET" => "250 2.1.0 good",
        "DATA" => "354 go on",
        "STARTTLS" => "220 2.0.0 go on",
        "AUTH" => "235 2.7.0 welcome",
        "QUIT" => "221 2.0.0 bye",
        _ => "500 5.5.1 what?",
    };

    private string Hello()
    {
        string[] lines = ["mx.test", .. server.Extensions, .. server.Certificate is null || IsTls ? (string[])[] : ["STARTTLS"]];
        return string.Join("\r\n", lines.Select((line, i) => (i == lines.Length - 1 ? "250 " : "250-") + line));
    }

    private async Task SecureAsync()
    {
        _at = _end = 0;
        var secure = new SslStream(_stream);
        await secure.AuthenticateAsServerAsync(server.Certificate!);
        _stream = secure;
    }

    private async Task SayAsync(string reply, string more = "") => await _stream.WriteAsync(Encoding.UTF8.GetBytes(reply + "\r\n" + more));

    // Only CRLF ends a line, as a strict server has it.
    private async Task<string?> ReadLineAsync()
    {
        var line = new List<byte>();
        while (true)
        {
            if (_at == _end)
            {
                (_at, _end) = (0, await _stream.ReadAsync(_buffer));
                if (_end == 0) return null;
            }
            line.Add(_buffer[_at++]);
            if (line is [.., (byte)'\r', (byte)'\n']) return Encoding.UTF8.GetString([.. line[..^2]]);
        }
    }
}
