using System.Globalization;
using Posthorn.Core;
using Posthorn.Trust;
using Posthorn.Wire;

namespace Posthorn.Delivery;

/// <summary>One connection to another server, from after its greeting on. Used for one transaction at a time.</summary>
internal sealed class SmtpSession(WireConnection connection, string host, NextHop hop) : IAsyncDisposable
{
    private readonly Dictionary<string, string> _extensions = new(StringComparer.OrdinalIgnoreCase);
    private SmtpReply? _lost;

    /// <summary>The name by which we went to it.</summary>
    public string Host => host;

    public NextHop Hop => hop;

    /// <summary>What another message must go by to use this session.</summary>
    public string Key => KeyOf(host, hop, TlsKey);

    public WireConnection Connection => connection;

    /// <summary>What TLS was asked for (<see cref="HostTls.Key"/>): messages that ask for something else go another way.</summary>
    public string TlsKey { get; init; } = "";

    /// <summary>Transactions begun over this connection.</summary>
    public int Transactions { get; set; }

    /// <summary>A transaction is open that RSET has to end before the next.</summary>
    public bool MustReset { get; set; }

    /// <summary>Another transaction may follow.</summary>
    public bool IsUsable =>
        _lost is null && Transactions < Math.Min(OutboundLimits.TransactionsPerConnectionMax, LimitOf("MAILMAX"))
        && !connection.Closed.IsCancellationRequested;

    public static string KeyOf(string host, NextHop hop, string tlsKey) => $"{host.ToLowerInvariant()} {hop.Key} {tlsKey}";

    public bool Offers(string extension) => _extensions.ContainsKey(extension);

    /// <summary>Recipients of one transaction, fewer where the server says so (RFC 9422 §4.2).</summary>
    public int RecipientsMax => Math.Min(OutboundLimits.RecipientsPerTransactionMax, LimitOf("RCPTMAX"));

    /// <summary>What stands behind an extension's name in the answer to EHLO.</summary>
    public string ParametersOf(string extension) => _extensions.GetValueOrDefault(extension, "");

    /// <summary>Greets with EHLO, and with HELO where that is refused (RFC 5321 §3.2).</summary>
    public async ValueTask<SmtpReply> HelloAsync(Domain hostname, CancellationToken ct)
    {
        _extensions.Clear(); // RFC 3207 §4.2: what was said before TLS is forgotten
        var reply = await AskAsync($"{(hop.IsLmtp ? "LHLO" : "EHLO")} {hostname.Ascii}", OutboundLimits.HelloTimeout, ct); // RFC 2033 §4.1
        if (!reply.IsPositive && reply.IsPermanent && !hop.IsLmtp) return await AskAsync($"HELO {hostname.Ascii}", OutboundLimits.HelloTimeout, ct);
        if (!reply.IsPositive) return reply;
        foreach (var line in reply.Lines.Skip(1))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            _extensions[space < 0 ? line : line[..space]] = space < 0 ? "" : line[(space + 1)..];
        }
        return reply;
    }

    public async ValueTask<SmtpReply> AskAsync(string command, TimeSpan timeout, CancellationToken ct)
    {
        Write(command);
        return await FlushAsync(ct) ? await ReadReplyAsync(timeout, ct) : Lost("the server closed the connection");
    }

    /// <summary>Puts a command into the buffer. What goes in cannot hold CR or LF: names, addresses and numbers of our own types.</summary>
    public void Write(string command)
    {
        if (_lost is not null) return;
        var writer = connection.Write();
        writer.Text(command);
        writer.CrLf();
        writer.Commit();
    }

    /// <summary>False when the server is gone.</summary>
    public async ValueTask<bool> FlushAsync(CancellationToken ct) => _lost is null && await connection.FlushAsync(ct);

    /// <summary>The next reply, whatever the server sends: bounded in lines, octets and time.</summary>
    public async ValueTask<SmtpReply> ReadReplyAsync(TimeSpan timeout, CancellationToken ct)
    {
        if (_lost is not null) return _lost;
        var started = connection.Time.GetTimestamp();
        var parser = new SmtpReplyParser();
        while (true)
        {
            var left = timeout - connection.Time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) return Lost("the server's reply took too long");
            var lineTimeout = left < OutboundLimits.ReplyLineTimeout ? left : OutboundLimits.ReplyLineTimeout;
            connection.Limits = connection.Limits with { IdleTimeout = left, CommandTimeout = lineTimeout };
            var line = await connection.Reader.ReadLineAsync(ct);
            switch (line.Status)
            {
                case ReadStatus.Ok or ReadStatus.TooLong: // of a line that is too long the head is there
                    var reply = parser.Take(line.Line);
                    if (parser.Fault is { } fault) return Lost(fault);
                    if (reply is null) continue;
                    if (reply.Code == 421) _lost = SmtpReply.Lost("the server closed the connection: " + reply); // RFC 5321 §3.8
                    return reply;
                case ReadStatus.Idle or ReadStatus.TooSlow:
                    return Lost("the server's reply took too long");
                case ReadStatus.Endless:
                    return Lost("the server's reply has no end");
                default:
                    return Lost(connection.AbortReason ?? "the server closed the connection");
            }
        }
    }

    /// <summary>The connection is of no more use; every further reply is this one.</summary>
    public SmtpReply Lost(string why) => _lost ??= SmtpReply.Lost(why);

    // RFC 9422 §4: LIMITS RCPTMAX=100 MAILMAX=50
    private int LimitOf(string name)
    {
        foreach (var limit in ParametersOf("LIMITS").Split(' '))
        {
            if (limit.StartsWith(name + "=", StringComparison.OrdinalIgnoreCase)
                && int.TryParse(limit.AsSpan(name.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var max) && max > 0)
            {
                return max;
            }
        }
        return int.MaxValue;
    }

    /// <summary>Closes in the middle of something, without another word.</summary>
    public async ValueTask AbandonAsync(string why)
    {
        Lost(why);
        connection.Abort(why);
        await connection.DisposeAsync();
    }

    /// <summary>Says QUIT where somebody listens, and closes (RFC 5321 §4.1.1.10).</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lost is null && !connection.Closed.IsCancellationRequested)
        {
            connection.Limits = connection.Limits with { WriteTimeout = OutboundLimits.QuitTimeout };
            await AskAsync("QUIT", OutboundLimits.QuitTimeout, CancellationToken.None);
        }
        await connection.DisposeAsync();
    }
}
