using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>What the milters are told of a client.</summary>
public sealed record MilterClient(IPEndPoint Remote, string SessionId)
{
    public string Helo { get; init; } = "";

    public string? Tls { get; init; }

    /// <summary>Who is logged in.</summary>
    public string? Login { get; init; }
}

/// <summary>The milters of one SMTP session: each stage asks them in their order, and the first no counts.</summary>
/// <remarks>
/// A milter that fails is not asked again in this session; what that means is the operator's choice. One that accepts hears no more of the message,
/// or, before MAIL, of the session.
/// </remarks>
public sealed class MilterSession : IAsyncDisposable
{
    private const int BodyChunkOctets = 65_535;

    private static readonly Refusal Unavailable = new(RefusalKind.TemporarilyUnavailable, "a filter is not available, please try again later");

    private readonly MilterSettings _settings;
    private readonly string _hostname;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Filter[] _filters;
    private bool _opened;

    internal MilterSession(MilterSettings settings, string hostname, TimeProvider time, ILogger log)
    {
        (_settings, _hostname, _time, _log) = (settings, hostname, time, log);
        _filters = [.. settings.Milters.Select(static milter => new Filter(milter))];
    }

    /// <summary>A milter wants the message to vanish.</summary>
    internal bool Discards { get; private set; }

    public ValueTask<Refusal?> ConnectAsync(MilterClient client, CancellationToken ct) => EachAsync(
        filter => StageAsync(
            filter, 'C', ConnectData(client), MilterSteps.NoConnect, MilterSteps.NoReplyConnect, ["j", _hostname, "v", "Posthorn"], ct),
        ct);

    public ValueTask<Refusal?> HelloAsync(MilterClient client, CancellationToken ct) => EachAsync(
        filter => StageAsync(
            filter, 'H', Text(client.Helo), MilterSteps.NoHelo, MilterSteps.NoReplyHelo, ["{tls_version}", client.Tls ?? ""], ct),
        ct);

    public async ValueTask<Refusal?> MailAsync(ReversePath from, MilterClient client, CancellationToken ct)
    {
        await ResetAsync(ct);
        foreach (var filter in _filters) filter.InMessage = filter.Connection is not null;
        return await EachAsync(
            filter => StageAsync(
                filter, 'M', Text($"<{from}>"), MilterSteps.NoMail, MilterSteps.NoReplyMail,
                ["{auth_authen}", client.Login ?? "", "{auth_type}", client.Login is null ? "" : "SASL", "{mail_addr}", from.ToString()], ct),
            ct);
    }

    public ValueTask<Refusal?> RecipientAsync(EmailAddress to, CancellationToken ct) => EachAsync(
        filter => StageAsync(filter, 'R', Text($"<{to}>"), MilterSteps.NoRcpt, MilterSteps.NoReplyRcpt, ["{rcpt_addr}", to.ToString()], ct), ct);

    /// <summary>The transaction is over, or never was.</summary>
    public async ValueTask ResetAsync(CancellationToken ct)
    {
        Discards = false;
        foreach (var filter in _filters)
        {
            if (filter is { InMessage: true, Connection: { } connection })
            {
                await TryAsync(filter, async () =>
                {
                    await connection.SendAsync('A', default, ct);
                    return null;
                }, ct);
            }
            (filter.InMessage, filter.HasAcceptedMessage) = (false, false);
        }
    }

    /// <summary>Shows them the message, and does to it what they ask for.</summary>
    internal async ValueTask<Refusal?> MessageAsync(string name, MilteredMessage message, CancellationToken ct)
    {
        var refusal = await EachAsync(filter => ShowAsync(filter, name, message, ct), ct);
        foreach (var filter in _filters) (filter.InMessage, filter.HasAcceptedMessage) = (false, false);
        return refusal;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var filter in _filters)
        {
            if (filter.Connection is not { } connection) continue;
            await TryAsync(filter, async () =>
            {
                await connection.SendAsync('Q', default, CancellationToken.None);
                return null;
            }, CancellationToken.None);
            connection.Dispose();
        }
    }

    private async ValueTask<Refusal?> EachAsync(Func<Filter, ValueTask<Refusal?>> stage, CancellationToken ct)
    {
        if (!_opened)
        {
            _opened = true;
            foreach (var filter in _filters)
            {
                if (await TryAsync(filter, async () =>
                {
                    filter.Connection = await MilterConnection.OpenAsync(filter.Milter, _settings, _time, ct);
                    return null;
                }, ct) is { } closed) return closed;
            }
        }
        foreach (var filter in _filters)
        {
            if (filter.HasFailed && !_settings.FailOpen) return Unavailable;
            if (filter.HasFailed || filter.HasAccepted || filter.HasAcceptedMessage || Discards) continue;
            if (await TryAsync(filter, () => stage(filter), ct) is { } refusal) return refusal;
        }
        return null;
    }

    private async ValueTask<Refusal?> TryAsync(Filter filter, Func<ValueTask<Refusal?>> work, CancellationToken ct)
    {
        try
        {
            return await work();
        }
        catch (Exception error) when (error is IOException or InvalidDataException or SocketException or ObjectDisposedException)
        {
            Log.MilterFailed(_log, filter.Milter.Name, error.Message);
            filter.HasFailed = true;
            filter.Connection?.Dispose();
            filter.Connection = null;
            return _settings.FailOpen ? null : Unavailable;
        }
    }

    private async ValueTask<Refusal?> StageAsync(
        Filter filter, char command, byte[] data, MilterSteps skipped, MilterSteps silent, string[] macros, CancellationToken ct)
    {
        var connection = filter.Connection!;
        if ((connection.Steps & skipped) != 0) return null;
        await MacrosAsync(connection, command, macros, ct);
        await connection.SendAsync(command, data, ct);
        if ((connection.Steps & silent) != 0) return null;
        var (reply, text) = await connection.ReceiveAsync(false, ct);
        return Judge(filter, reply, text, command is not ('C' or 'H'));
    }

    private async ValueTask<Refusal?> ShowAsync(Filter filter, string name, MilteredMessage message, CancellationToken ct)
    {
        var connection = filter.Connection!;
        var steps = connection.Steps;
        if (await StageAsync(filter, 'T', [], MilterSteps.NoData, MilterSteps.NoReplyData, ["i", name], ct) is { } early) return early;
        if (!filter.HasAcceptedMessage && (steps & MilterSteps.NoHeaders) == 0)
        {
            foreach (var field in message.Fields)
            {
                await connection.SendAsync('L', field.ForMilter((steps & MilterSteps.HeaderLeadingSpace) != 0), ct);
                if ((steps & MilterSteps.NoReplyHeader) != 0) continue;
                var (reply, text) = await connection.ReceiveAsync(false, ct);
                if (Judge(filter, reply, text, true) is { } refusal) return refusal;
                if (filter.HasAcceptedMessage || Discards) return null;
            }
        }
        if (filter.HasAcceptedMessage || Discards) return null;
        var none = MilterSteps.NoEndOfHeaders;
        if (await StageAsync(filter, 'N', [], none, MilterSteps.NoReplyEndOfHeaders, ["i", name], ct) is { } atEnd) return atEnd;
        if (filter.HasAcceptedMessage || Discards) return null;
        if ((steps & MilterSteps.NoBody) == 0 && await ShowBodyAsync(filter, message, ct) is { } inBody) return inBody;
        if (filter.HasAcceptedMessage || Discards) return null;
        await MacrosAsync(connection, 'E', ["i", name], ct);
        await connection.SendAsync('E', default, ct);
        while (true)
        {
            var (reply, data) = await connection.ReceiveAsync(true, ct);
            if (reply is 'h' or 'i' or 'm' or 'b' or 'q')
            {
                message.Apply(reply, data);
                continue;
            }
            await message.SettleAsync();
            return Judge(filter, reply, data, true);
        }
    }

    private async ValueTask<Refusal?> ShowBodyAsync(Filter filter, MilteredMessage message, CancellationToken ct)
    {
        var (connection, body, chunk) = (filter.Connection!, message.Body(), new byte[BodyChunkOctets]);
        int octets;
        while ((octets = await body.ReadAtLeastAsync(chunk, chunk.Length, throwOnEndOfStream: false, ct)) > 0)
        {
            await connection.SendAsync('B', chunk.AsMemory(0, octets), ct);
            if ((connection.Steps & MilterSteps.NoReplyBody) != 0) continue;
            var (reply, text) = await connection.ReceiveAsync(false, ct);
            if (reply == 's') return null; // it has seen enough
            if (Judge(filter, reply, text, true) is { } refusal) return refusal;
            if (filter.HasAcceptedMessage || Discards) return null;
        }
        return null;
    }

    private Refusal? Judge(Filter filter, char reply, byte[] data, bool inMessage)
    {
        switch (reply)
        {
            case 'c':
                return null;
            case 'a':
                if (inMessage) filter.HasAcceptedMessage = true;
                else filter.HasAccepted = true;
                return null;
            case 'd':
                Discards = true;
                return null;
            case 'r':
                return new Refusal(RefusalKind.Forbidden, "the message is refused by a filter");
            case 't' or 'f':
                return new Refusal(RefusalKind.TemporarilyUnavailable, "a filter asks to try again later");
            case 'y':
                return OfReply(data);
            default:
                throw new InvalidDataException($"the milter answered with {(byte)reply}");
        }
    }

    // "550 5.7.1 words": the code says whether it is for good, the words are the client's.
    private static Refusal OfReply(byte[] data)
    {
        var whole = Encoding.UTF8.GetString(data.AsSpan().TrimEnd((byte)0));
        var text = string.Concat(whole.Take(400).Select(static c => char.IsControl(c) ? ' ' : c)).Trim();
        var words = text.Length > 4 ? text[4..].Trim() : "the message is refused by a filter";
        return new Refusal(text.StartsWith('4') ? RefusalKind.TemporarilyUnavailable : RefusalKind.Forbidden, words);
    }

    private static async ValueTask MacrosAsync(MilterConnection connection, char command, string[] macros, CancellationToken ct)
    {
        var data = new MemoryStream();
        data.WriteByte((byte)command);
        for (var i = 0; i < macros.Length; i += 2)
        {
            if (macros[i + 1].Length == 0) continue;
            data.Write(Text(macros[i]));
            data.Write(Text(macros[i + 1]));
        }
        await connection.SendAsync('D', data.ToArray(), ct);
    }

    private static byte[] ConnectData(MilterClient client)
    {
        var remote = client.Remote.Address;
        var is4 = remote.AddressFamily == AddressFamily.InterNetwork;
        var port = (ushort)client.Remote.Port;
        byte[] family = [(byte)(is4 ? '4' : '6'), (byte)(port >> 8), (byte)port];
        return [.. Text(string.Create(CultureInfo.InvariantCulture, $"[{remote}]")), .. family, .. Text(remote.ToString())];
    }

    private static byte[] Text(string text) => [.. Encoding.UTF8.GetBytes(text.Replace("\0", "", StringComparison.Ordinal)), 0];

    private sealed class Filter(MilterEndPoint milter)
    {
        public MilterEndPoint Milter => milter;

        public MilterConnection? Connection { get; set; }

        public bool HasFailed { get; set; }

        public bool HasAccepted { get; set; }

        public bool HasAcceptedMessage { get; set; }

        public bool InMessage { get; set; }
    }
}
