using System.Text;
using Posthorn.Wire;

namespace Posthorn.Smtp.Tests;

/// <summary>A client that says what it is told and reads replies, and nothing else.</summary>
internal sealed class TestClient(WireConnection connection, CancellationToken ct)
{
    public WireConnection Connection => connection;

    public async Task SendAsync(string text) => await connection.Output.WriteAsync(Encoding.UTF8.GetBytes(text), ct);

    /// <summary>Sends a line and reads the reply.</summary>
    public async Task<string?> AskAsync(string line)
    {
        await SendAsync(line + "\r\n");
        return await ReadAsync();
    }

    /// <summary>The last line of a reply; null at the end.</summary>
    public async Task<string?> ReadAsync()
    {
        while (true)
        {
            var line = await connection.Reader.ReadLineAsync(ct);
            if (!line.Ok) return null;
            var text = Encoding.UTF8.GetString(line.Line);
            if (text.Length < 4 || text[3] != '-') return text;
        }
    }
}
