using System.Buffers;
using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>How a transaction ended: for each recipient, or before the server had agreed to take anything.</summary>
/// <param name="Elsewhere">Set when another exchange may be asked; then there are no results.</param>
/// <param name="Stale">Nothing was answered at all, as when a connection has waited too long.</param>
internal readonly record struct TransactionOutcome(IReadOnlyList<OutboundResult> Results, OutboundVerdict? Elsewhere, bool Stale = false);

/// <summary>One message to some of its recipients over one session: MAIL, RCPT, then DATA or BDAT (RFC 5321 §3.3, RFC 3030 §2).</summary>
internal sealed class SmtpTransaction(SmtpSession session, OutboundMessage message, IReadOnlyList<EmailAddress> recipients)
{
    private readonly OutboundVerdict?[] _verdicts = new OutboundVerdict?[recipients.Count];
    private readonly bool _pipelining = session.Offers("PIPELINING");
    private readonly bool _chunking = session.Offers("CHUNKING");

    public async ValueTask<TransactionOutcome> RunAsync(CancellationToken ct)
    {
        // RFC 8689 §4.2.1: over TLS to a server that will ask for it too, or not at all; another exchange may be one.
        if (message.RequireTls && !session.Offers("REQUIRETLS"))
        {
            return new([], OutboundVerdict.Never("5.7.30", "the server does not take mail that requires TLS (REQUIRETLS)", session.Host));
        }
        RefuseWhatTheServerCannot();
        var asked = Enumerable.Range(0, recipients.Count).Where(i => _verdicts[i] is null).ToArray();
        if (asked.Length == 0) return Results();
        if (session.MustReset && await session.AskAsync("RSET", OutboundLimits.HelloTimeout, ct) is { IsPositive: false } reset)
        {
            return new([], OutboundVerdict.Later(reset.Status, reset.ToString(), session.Host, Reach.Session), Stale: true);
        }
        session.Transactions++;
        session.MustReset = true;
        var (mail, data) = _pipelining ? await AskAtOnceAsync(asked, ct) : await AskInTurnAsync(asked, ct);
        if (!mail.IsPositive)
        {
            if (data?.Code == 354) await EndWithoutMessageAsync(ct);
            return NotBegun(mail);
        }
        if (!_chunking) await DataAsync(data, ct);
        else if (_verdicts.Contains(null)) await SendAsync(SendChunksAsync, ct);
        return Results();
    }

    // RFC 2920 §3.1: DATA ends a group. One of a hundred recipients fits into the buffers of both sides.
    private async ValueTask<(SmtpReply Mail, SmtpReply? Data)> AskAtOnceAsync(int[] asked, CancellationToken ct)
    {
        session.Write(MailCommand());
        foreach (var i in asked) session.Write(RcptCommand(recipients[i]));
        if (!_chunking) session.Write("DATA");
        var mail = await FlushAndReadAsync(OutboundLimits.MailTimeout, ct);
        foreach (var i in asked) Note(i, await session.ReadReplyAsync(OutboundLimits.RecipientTimeout, ct));
        return (mail, _chunking ? null : await session.ReadReplyAsync(OutboundLimits.DataTimeout, ct));
    }

    private async ValueTask<(SmtpReply Mail, SmtpReply? Data)> AskInTurnAsync(int[] asked, CancellationToken ct)
    {
        var mail = await session.AskAsync(MailCommand(), OutboundLimits.MailTimeout, ct);
        if (!mail.IsPositive) return (mail, null);
        foreach (var i in asked) Note(i, await session.AskAsync(RcptCommand(recipients[i]), OutboundLimits.RecipientTimeout, ct));
        var data = !_chunking && _verdicts.Contains(null) ? await session.AskAsync("DATA", OutboundLimits.DataTimeout, ct) : null;
        return (mail, data);
    }

    // RFC 1870 §6.1, RFC 6531 §3.5: what the server has said it cannot take need not be tried.
    private void RefuseWhatTheServerCannot()
    {
        if (long.TryParse(session.ParametersOf("SIZE"), NumberStyles.None, CultureInfo.InvariantCulture, out var max)
            && max > 0 && message.SizeBytes > max)
        {
            Decide(OutboundVerdict.Never("5.3.4", $"the message has {message.SizeBytes} octets, the server takes {max}", session.Host));
        }
        // RFC 3030 §3: converting it would break what it is.
        if (message.Parameters.Body == BodyType.BinaryMime && !(_chunking && session.Offers("BINARYMIME")))
        {
            Decide(OutboundVerdict.Never("5.6.3", "the server does not take binary mail (BINARYMIME)", session.Host));
        }
        if (message.Parameters.By is { Returns: true } by && !MindsTheTime(by))
        {
            Decide(OutboundVerdict.Never("5.4.7", "the server does not promise to deliver in time (DELIVERBY)", session.Host));
        }
        if (session.Offers("SMTPUTF8")) return;
        var unable = OutboundVerdict.Never("5.6.7", "the server does not take internationalized mail (SMTPUTF8)", session.Host);
        if (message.Utf8 || message.From.Address is { IsAscii: false }) Decide(unable);
        for (var i = 0; i < recipients.Count; i++)
        {
            if (!recipients[i].IsAscii) _verdicts[i] ??= unable;
        }
    }

    // RFC 2852 §4.1.4.1
    private bool MindsTheTime(DeliverBy by) => session.Offers("DELIVERBY")
        && (!long.TryParse(session.ParametersOf("DELIVERBY"), NumberStyles.None, CultureInfo.InvariantCulture, out var min)
            || min <= SecondsLeft(by));

    private long SecondsLeft(DeliverBy by) => (long)Math.Floor((by.Deadline - session.Connection.Time.GetUtcNow()).TotalSeconds);

    // A server without 8BITMIME gets eight bits all the same. Converting would break every signature in the message, bouncing would lose
    // it, and servers that cut the eighth bit have not been met for decades; the large ones do as we do.
    private string MailCommand()
    {
        var command = $"MAIL FROM:<{message.From}>";
        var parameters = message.Parameters;
        if (session.Offers("SIZE")) command += string.Create(CultureInfo.InvariantCulture, $" SIZE={message.SizeBytes}");
        if (parameters.Body == BodyType.BinaryMime) command += " BODY=BINARYMIME"; // RFC 3030 §3
        else if (message.EightBit && session.Offers("8BITMIME")) command += " BODY=8BITMIME"; // RFC 6152 §3
        var international = message.Utf8 || message.From.Address is { IsAscii: false } || recipients.Any(r => !r.IsAscii);
        if (international && session.Offers("SMTPUTF8")) command += " SMTPUTF8"; // RFC 6531 §3.4
        if (session.Offers("DSN"))
        {
            // RFC 3461 §5.2.1: as it came.
            if (parameters.Return != DsnReturn.Undeclared) command += parameters.Return == DsnReturn.Full ? " RET=FULL" : " RET=HDRS";
            if (parameters.EnvelopeId is { } id) command += " ENVID=" + Xtext.Encode(id);
        }
        if (message.RequireTls) command += " REQUIRETLS"; // RFC 8689 §4.2.1
        if (parameters.By is { } by && session.Offers("DELIVERBY"))
        {
            // RFC 2852 §4
            command += string.Create(
                CultureInfo.InvariantCulture,
                $" BY={Math.Clamp(SecondsLeft(by), -999_999_999, 999_999_999)};{(by.Returns ? 'R' : 'N')}{(by.Trace ? "T" : "")}");
        }
        if (parameters.Priority != 0 && session.Offers("MT-PRIORITY"))
        {
            command += string.Create(CultureInfo.InvariantCulture, $" MT-PRIORITY={parameters.Priority}"); // RFC 6710 §4.1
        }
        return command;
    }

    private string RcptCommand(EmailAddress recipient)
    {
        var command = $"RCPT TO:<{recipient}>";
        if (!session.Offers("DSN")) return command;
        var parameters = message.ParametersOf(recipient);
        if (parameters.Notify != DsnNotify.Undeclared) command += " NOTIFY=" + Words(parameters.Notify);
        // RFC 3461 §4.2, RFC 6533 §3
        if (parameters.OriginalRecipient is not { } original) return command;
        if (original.IndexOf(';', StringComparison.Ordinal) is not (> 0 and var end)) return command;
        var (type, address) = (original[..end], original[(end + 1)..]);
        var isUtf8 = type.Equals("utf-8", StringComparison.OrdinalIgnoreCase);
        return $"{command} ORCPT={type};{(isUtf8 ? Xtext.EncodeUtf8(address) : Xtext.Encode(address))}";
    }

    private static string Words(DsnNotify notify)
    {
        if (notify.HasFlag(DsnNotify.Never)) return "NEVER";
        var words = new List<string>(3);
        if (notify.HasFlag(DsnNotify.Success)) words.Add("SUCCESS");
        if (notify.HasFlag(DsnNotify.Failure)) words.Add("FAILURE");
        if (notify.HasFlag(DsnNotify.Delay)) words.Add("DELAY");
        return string.Join(',', words);
    }

    // MAIL refused for ever is final; anything else another exchange may see otherwise.
    private TransactionOutcome NotBegun(SmtpReply mail)
    {
        var verdict = OutboundVerdict.Of(mail, session.Host, mail.IsPermanent ? Reach.Message : Reach.Session);
        if (!mail.IsPermanent) return new([], verdict with { Outcome = OutboundOutcome.Deferred }, Stale: mail.IsLost || mail.Code == 421);
        Array.Fill(_verdicts, verdict);
        return Results();
    }

    private void Note(int recipient, SmtpReply reply)
    {
        if (!reply.IsPositive) _verdicts[recipient] = OutboundVerdict.Of(reply, session.Host);
    }

    private async ValueTask DataAsync(SmtpReply? data, CancellationToken ct)
    {
        if (data is null) return; // nobody was accepted, and nothing was said
        if (data.Code != 354)
        {
            var refusal = OutboundVerdict.Of(data, session.Host);
            if (data.IsPositive) refusal = OutboundVerdict.Later("4.5.0", $"the server answered DATA with {data}", session.Host, Reach.Message);
            Decide(refusal);
        }
        else if (_verdicts.Contains(null))
        {
            await SendAsync(SendLinesAsync, ct);
        }
        else
        {
            await EndWithoutMessageAsync(ct);
        }
    }

    // RFC 2920 §3.1: a server that says 354 without a recipient gets an empty message, which it must refuse.
    private async ValueTask EndWithoutMessageAsync(CancellationToken ct) =>
        await session.AskAsync(".", OutboundLimits.FinalDotTimeout, ct);

    private async ValueTask SendAsync(Func<CancellationToken, ValueTask<SmtpReply>> send, CancellationToken ct)
    {
        var reply = await send(ct);
        session.MustReset = !reply.IsPositive;
        if (!session.Hop.IsLmtp || !reply.IsPositive && _chunking)
        {
            Decide(OutboundVerdict.Of(reply, session.Host));
            return;
        }
        // RFC 2033 §4.2: one reply for each recipient that was accepted, in their order.
        var first = true;
        for (var i = 0; i < _verdicts.Length; i++)
        {
            if (_verdicts[i] is not null) continue;
            if (!first) reply = await session.ReadReplyAsync(OutboundLimits.FinalDotTimeout, ct);
            first = false;
            _verdicts[i] = OutboundVerdict.Of(reply, session.Host);
        }
    }

    // When this throws, the caller closes: half a message must not look like a whole one, and without the final dot it is thrown away.
    private async ValueTask<SmtpReply> SendLinesAsync(CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(OutboundLimits.ChunkOctetsMax / 2);
        try
        {
            await using var stream = await message.OpenAsync(ct);
            var stuffing = default(DotStuffing);
            int octets;
            while ((octets = await stream.ReadAsync(buffer, ct)) > 0)
            {
                WriteBlock(ref stuffing, buffer.AsSpan(0, octets));
                if (await session.FlushAsync(ct)) continue;
                return await LeftAsync(ct);
            }
            WriteEnd(stuffing);
            return await FlushAndReadAsync(OutboundLimits.FinalDotTimeout, ct);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    // RFC 3030 §2: each chunk says how long it is, and the last that it is the last. Its replies are read in bundles where the server pipelines.
    private async ValueTask<SmtpReply> SendChunksAsync(CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(OutboundLimits.ChunkOctetsMax / 2);
        var chunk = new ArrayBufferWriter<byte>(OutboundLimits.ChunkOctetsMax);
        try
        {
            await using var stream = await message.OpenAsync(ct);
            var lines = DotStuffing.ForChunks;
            var isBinary = message.Parameters.Body == BodyType.BinaryMime;
            var awaited = 0;
            while (true)
            {
                var octets = await stream.ReadAtLeastAsync(
                    buffer.AsMemory(0, OutboundLimits.ChunkOctetsMax / 2), OutboundLimits.ChunkOctetsMax / 2, throwOnEndOfStream: false, ct);
                var isLast = octets < OutboundLimits.ChunkOctetsMax / 2;
                chunk.ResetWrittenCount();
                Fill(chunk, ref lines, buffer.AsSpan(0, octets), isBinary);
                WriteChunk(chunk.WrittenSpan, isLast);
                awaited++;
                if (!await session.FlushAsync(ct)) return await LeftAsync(ct);
                if (!isLast && _pipelining && awaited < OutboundLimits.ChunksInFlightMax) continue;
                for (; awaited > 0; awaited--)
                {
                    var reply = await session.ReadReplyAsync(OutboundLimits.FinalDotTimeout, ct);
                    if (!reply.IsPositive && awaited > 1) session.Lost("the server refused a chunk"); // those behind it have no use
                    if (!reply.IsPositive || (isLast && awaited == 1)) return reply;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    private static void Fill(ArrayBufferWriter<byte> chunk, ref DotStuffing lines, ReadOnlySpan<byte> octets, bool isBinary)
    {
        var writer = new WireWriter(chunk);
        if (isBinary) writer.Raw(octets);
        else lines.Write(ref writer, octets);
        writer.Commit();
    }

    private void WriteChunk(ReadOnlySpan<byte> chunk, bool isLast)
    {
        var writer = session.Connection.Write();
        writer.Text("BDAT ");
        writer.Number(chunk.Length);
        if (isLast) writer.Text(" LAST");
        writer.CrLf();
        writer.Raw(chunk);
        writer.Commit();
    }

    private void WriteBlock(ref DotStuffing stuffing, ReadOnlySpan<byte> block)
    {
        var writer = session.Connection.Write();
        stuffing.Write(ref writer, block);
        writer.Commit();
    }

    private void WriteEnd(DotStuffing stuffing)
    {
        var writer = session.Connection.Write();
        stuffing.End(ref writer);
        writer.Commit();
    }

    // Before it left, the server may have said why.
    private async ValueTask<SmtpReply> LeftAsync(CancellationToken ct)
    {
        var said = await session.ReadReplyAsync(OutboundLimits.BlockTimeout, ct);
        var lost = session.Lost("the server closed the connection inside the message");
        return said.IsPositive ? lost : said;
    }

    private async ValueTask<SmtpReply> FlushAndReadAsync(TimeSpan timeout, CancellationToken ct)
    {
        await session.FlushAsync(ct); // what the server said before it left can still be read
        return await session.ReadReplyAsync(timeout, ct);
    }

    // For everybody who has no verdict yet.
    private void Decide(OutboundVerdict verdict)
    {
        for (var i = 0; i < _verdicts.Length; i++) _verdicts[i] ??= verdict;
    }

    private TransactionOutcome Results()
    {
        var duties = (session.Offers("DSN") ? PeerDuties.Dsn : 0) | (session.Offers("DELIVERBY") ? PeerDuties.DeliverBy : 0);
        var tls = session.Connection.Tls is { } used ? $"{used.Protocol} {used.Cipher}" : null;
        return new([.. recipients.Select((recipient, i) => _verdicts[i]!.For(recipient) with { Duties = duties, Tls = tls })], null);
    }
}
