using System.Text;
using Posthorn.Wire;

namespace Posthorn.Pop3.Tests;

/// <summary>A client that says what it is told and reads replies, and nothing else. Octets are Latin-1 characters.</summary>
internal sealed class TestClient(WireConnection connection, CancellationToken ct)
{
    public WireConnection Connection => connection;

    public async Task SendAsync(string text) => await connection.Output.WriteAsync(Encoding.Latin1.GetBytes(text), ct);

    /// <summary>Sends a line and reads the first line of the reply.</summary>
    public async Task<string?> AskAsync(string line)
    {
        await SendAsync(line + "\r\n");
        return await ReadAsync();
    }

    /// <summary>A line; null at the end.</summary>
    public async Task<string?> ReadAsync()
    {
        var line = await connection.Reader.ReadLineAsync(ct);
        return line.Ok ? Encoding.Latin1.GetString(line.Line) : null;
    }

    /// <summary>The lines up to the one of a dot, each with its CRLF, without the dots that were stuffed.</summary>
    public async Task<string> ReadLinesAsync()
    {
        var text = new StringBuilder();
        while (await ReadAsync() is { } line)
        {
            if (line == ".") return text.ToString();
            text.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
        }
        throw new EndOfStreamException("the connection ended inside a reply of many lines");
    }

    public async Task<string> OkAsync(string line)
    {
        var reply = await AskAsync(line);
        Assert.StartsWith("+OK", reply, StringComparison.Ordinal);
        return reply!;
    }

    /// <summary>The body of a reply of many lines.</summary>
    public async Task<string> LinesAsync(string line)
    {
        await OkAsync(line);
        return await ReadLinesAsync();
    }
}
