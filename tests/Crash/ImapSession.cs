using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Posthorn.Crash;

/// <summary>One response of the server: its text, with `~` where a literal stood, and the literals.</summary>
internal sealed record ImapResponse(string Text, IReadOnlyList<byte[]> Literals);

/// <summary>A command's end and everything that came before it.</summary>
internal sealed record ImapAnswer(string Status, string Text, IReadOnlyList<ImapResponse> Untagged)
{
    public bool Ok => Status == "OK";

    public ImapAnswer Require() => Ok ? this : throw new IOException($"refused: {Status} {Text}");
}

/// <summary>An IMAP client that says one command at a time.</summary>
internal sealed partial class ImapSession : IDisposable
{
    private readonly LineConnection _connection;
    private int _tag;

    private ImapSession(LineConnection connection) => _connection = connection;

    public static async Task<ImapSession> OpenAsync(int port, CancellationToken ct)
    {
        var session = new ImapSession(await LineConnection.OpenAsync(port, ct));
        try
        {
            await session._connection.ReadLineAsync(ct);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public static async Task<ImapSession> LogInAsync(int port, string account, string password, CancellationToken ct)
    {
        var session = await OpenAsync(port, ct);
        try
        {
            (await session.CommandAsync($"LOGIN \"{account}\" \"{password}\"", ct)).Require();
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public async Task<ImapAnswer> CommandAsync(string command, CancellationToken ct)
    {
        string tag = NextTag();
        await _connection.WriteLineAsync($"{tag} {command}", ct);
        return await ReadAnswerAsync(tag, ct);
    }

    /// <summary>APPEND with a non-synchronizing literal (RFC 7888).</summary>
    public async Task<ImapAnswer> AppendAsync(string mailbox, byte[] message, CancellationToken ct)
    {
        string tag = NextTag();
        byte[] head = Encoding.ASCII.GetBytes($"{tag} APPEND {mailbox} {{{message.Length}+}}\r\n");
        await _connection.WriteAsync((byte[])[.. head, .. message, .. "\r\n"u8], ct);
        return await ReadAnswerAsync(tag, ct);
    }

    /// <summary>The number of the APPENDUID code (RFC 4315 §3).</summary>
    public static uint? AppendedUid(ImapAnswer answer) =>
        AppendUid().Match(answer.Text) is { Success: true } found ? uint.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture) : null;

    public void Dispose() => _connection.Dispose();

    [GeneratedRegex(@"\[APPENDUID \d+ (\d+)\]")]
    private static partial Regex AppendUid();

    [GeneratedRegex(@"\{(\d+)\}$")]
    private static partial Regex LiteralEnd();

    private string NextTag() => string.Create(CultureInfo.InvariantCulture, $"t{++_tag}");

    private async Task<ImapAnswer> ReadAnswerAsync(string tag, CancellationToken ct)
    {
        var untagged = new List<ImapResponse>();
        while (true)
        {
            var response = await ReadResponseAsync(ct);
            if (response.Text.StartsWith(tag + " ", StringComparison.Ordinal))
            {
                string[] parts = response.Text.Split(' ', 3);
                return new ImapAnswer(parts[1].ToUpperInvariant(), parts.Length > 2 ? parts[2] : "", untagged);
            }
            if (response.Text.StartsWith("* BYE", StringComparison.Ordinal)) throw new IOException(response.Text);
            untagged.Add(response);
        }
    }

    private async Task<ImapResponse> ReadResponseAsync(CancellationToken ct)
    {
        string text = await _connection.ReadLineAsync(ct);
        var literals = new List<byte[]>();
        while (LiteralEnd().Match(text) is { Success: true } literal)
        {
            literals.Add(await _connection.ReadAsync(int.Parse(literal.Groups[1].Value, CultureInfo.InvariantCulture), ct));
            text = text[..literal.Index] + "~" + await _connection.ReadLineAsync(ct);
        }
        return new ImapResponse(text, literals);
    }
}
