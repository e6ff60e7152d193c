using System.Text;

namespace Posthorn.Crash;

/// <summary>An SMTP client that says one command at a time and never repeats one by itself.</summary>
internal sealed class SmtpSession : IDisposable
{
    private readonly LineConnection _connection;

    private SmtpSession(LineConnection connection) => _connection = connection;

    public static async Task<SmtpSession> OpenAsync(int port, CancellationToken ct)
    {
        var session = new SmtpSession(await LineConnection.OpenAsync(port, ct));
        try
        {
            Require("220", await session.ReadReplyAsync(ct));
            Require("250", await session.CommandAsync("EHLO client.outside.test", ct));
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>The last line of the reply.</summary>
    public async Task<string> CommandAsync(string command, CancellationToken ct)
    {
        await _connection.WriteLineAsync(command, ct);
        return await ReadReplyAsync(ct);
    }

    /// <summary>One message; true when it has been acknowledged. A refusal on the way is an IOException.</summary>
    public async Task<bool> SendAsync(IEnumerable<string> recipients, byte[] message, CancellationToken ct)
    {
        Require("250", await CommandAsync("MAIL FROM:<sender@outside.test>", ct));
        foreach (string recipient in recipients) Require("250", await CommandAsync($"RCPT TO:<{recipient}>", ct));
        Require("354", await CommandAsync("DATA", ct));
        await _connection.WriteAsync(Stuffed(message), ct);
        string reply = await ReadReplyAsync(ct);
        return reply.StartsWith("250", StringComparison.Ordinal);
    }

    public void Dispose() => _connection.Dispose();

    // RFC 5321 §4.5.2
    private static byte[] Stuffed(byte[] message)
    {
        var bytes = new MemoryStream(message.Length + 64);
        bool lineStart = true;
        foreach (byte b in message)
        {
            if (lineStart && b == '.') bytes.WriteByte((byte)'.');
            bytes.WriteByte(b);
            lineStart = b == '\n';
        }
        bytes.Write(".\r\n"u8);
        return bytes.ToArray();
    }

    private static void Require(string code, string reply)
    {
        if (!reply.StartsWith(code, StringComparison.Ordinal)) throw new IOException("refused: " + reply);
    }

    private async Task<string> ReadReplyAsync(CancellationToken ct)
    {
        while (true)
        {
            string line = await _connection.ReadLineAsync(ct);
            if (line.Length < 4 || line[3] != '-') return line;
        }
    }
}
