using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Posthorn.Wire;

namespace Posthorn.Imap.Tests;

/// <summary>A client that knows tags and literals and nothing else.</summary>
internal sealed partial class TestClient(WireConnection connection)
{
    private int _tag;

    public WireConnection Connection => connection;

    /// <summary>Sends a command and reads to its tagged reply.</summary>
    public async Task<(List<string> Untagged, string Tagged)> RunAsync(string command, CancellationToken ct)
    {
        var tag = NextTag();
        await SendAsync($"{tag} {command}\r\n", ct);
        return await ReadToAsync(tag, ct);
    }

    public async Task<List<string>> OkAsync(string command, CancellationToken ct)
    {
        var (untagged, tagged) = await RunAsync(command, ct);
        Assert.StartsWith("OK", tagged, StringComparison.Ordinal);
        return untagged;
    }

    public async Task<string> AppendAsync(string mailbox, string message, CancellationToken ct, string options = "") =>
        (await RunAppendAsync(mailbox, message, ct, options)).Tagged;

    public async Task<(List<string> Untagged, string Tagged)> RunAppendAsync(
        string mailbox, string message, CancellationToken ct, string options = "")
    {
        var octets = Encoding.Latin1.GetBytes(message);
        var tag = NextTag();
        await SendAsync($"{tag} APPEND {mailbox} {options}{{{octets.Length}+}}\r\n", ct);
        await connection.Output.WriteAsync(octets, ct);
        await SendAsync("\r\n", ct);
        return await ReadToAsync(tag, ct);
    }

    public string NextTag() => "t" + (++_tag).ToString(CultureInfo.InvariantCulture);

    public async Task SendAsync(string text, CancellationToken ct) => await connection.Output.WriteAsync(Encoding.Latin1.GetBytes(text), ct);

    public async Task<(List<string> Untagged, string Tagged)> ReadToAsync(string tag, CancellationToken ct)
    {
        var untagged = new List<string>();
        while (true)
        {
            var line = await ReadLineAsync(ct) ?? throw new EndOfStreamException("the server has closed; before it: " + string.Join('\n', untagged));
            if (line.StartsWith(tag + " ", StringComparison.Ordinal)) return (untagged, line[(tag.Length + 1)..]);
            untagged.Add(line);
        }
    }

    /// <summary>A line with its literals in it, as octets in Latin-1; null at the end.</summary>
    public async Task<string?> ReadLineAsync(CancellationToken ct)
    {
        var text = new StringBuilder();
        while (true)
        {
            var line = await connection.Reader.ReadLineAsync(ct);
            if (!line.Ok) return null;
            var some = Encoding.Latin1.GetString(line.Line);
            if (text.Length == 0 && !some.EndsWith('}')) return some;
            text.Append(some);
            var literal = LiteralEnd().Match(text.ToString());
            if (!literal.Success) return text.ToString();
            var octets = new byte[int.Parse(literal.Groups[1].ValueSpan, CultureInfo.InvariantCulture)];
            if (await connection.Reader.ReadExactAsync(octets, ct) != ReadStatus.Ok) return null;
            text.Append("\r\n").Append(Encoding.Latin1.GetString(octets));
        }
    }

    [GeneratedRegex(@"\{(\d+)\}$")]
    private static partial Regex LiteralEnd();
}
