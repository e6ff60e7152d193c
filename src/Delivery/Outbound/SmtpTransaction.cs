using System.Buffers;
using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>How a transaction ended: for each recipient, or before the server had agreed to take anything.</summary>
/// <param name="Elsewhere">Set when another exchange may be asked; then there are no results.</param>
/// <param name="Stale">Nothing was answered at all, as when a connection has waited too long.</param>
internal readonly record struct TransactionOutcome(IReadOnlyList<OutboundResult> Results, OutboundVerdict? Elsewhere, bool Stale = false);

/// <summary>One message to some of its recipients over one session: MAIL, RCPT, DATA (RFC 5321 §3.3).</summary>
internal sealed class SmtpTransaction(SmtpSession session, OutboundMessage message, IReadOnlyList<EmailAddress> recipients)
{
    private const int BlockOctets = 32 * 1024;

    private readonly OutboundVerdict?[] _verdicts = new OutboundVerdict?[recipients.Count];

    public async ValueTask<TransactionOutcome> RunAsync(CancellationToken ct)
    {
        RefuseWhatTheServerCannot();
        var asked = Enumerable.Range(0, recipients.Count).Where(i => _verdicts[i] is null).ToArray();
        if (asked.Length == 0) return Results();
        if (session.MustReset && await session.AskAsync("RSET", OutboundLimits.HelloTimeout, ct) is { IsPositive: false } reset)
        {
            return new([], OutboundVerdict.Later(reset.Status, reset.ToString(), session.Host), Stale: true);
        }
        session.Transactions++;
        session.MustReset = true;
        // RFC 2920 §3.1: DATA ends a group. One of a hundred recipients fits into the buffers of both sides.
        var pipelining = session.Offers("PIPELINING");
        session.Write(MailCommand());
        var mail = pipelining ? null : await FlushAndReadAsync(OutboundLimits.MailTimeout, ct);
        if (mail is { IsPositive: false }) return NotBegun(mail);
        SmtpReply? data = null;
        if (pipelining)
        {
            foreach (var i in asked) session.Write($"RCPT TO:<{recipients[i]}>");
            session.Write("DATA");
            mail = await FlushAndReadAsync(OutboundLimits.MailTimeout, ct);
            foreach (var i in asked) Note(i, await session.ReadReplyAsync(OutboundLimits.RecipientTimeout, ct));
            data = await session.ReadReplyAsync(OutboundLimits.DataTimeout, ct);
            if (!mail.IsPositive)
            {
                if (data.Code == 354) await EndWithoutMessageAsync(ct);
                return NotBegun(mail);
            }
        }
        else
        {
            foreach (var i in asked) Note(i, await session.AskAsync($"RCPT TO:<{recipients[i]}>", OutboundLimits.RecipientTimeout, ct));
            if (_verdicts.Contains(null)) data = await session.AskAsync("DATA", OutboundLimits.DataTimeout, ct);
        }
        await DataAsync(data, ct);
        return Results();
    }

    // RFC 1870 §6.1, RFC 6531 §3.5: what the server has said it cannot take need not be tried.
    private void RefuseWhatTheServerCannot()
    {
        if (long.TryParse(session.ParametersOf("SIZE"), NumberStyles.None, CultureInfo.InvariantCulture, out var max)
            && max > 0 && message.SizeBytes > max)
        {
            Decide(OutboundVerdict.Never("5.3.4", $"the message has {message.SizeBytes} octets, the server takes {max}", session.Host));
        }
        // RFC 3030 §3: such a message may not go through DATA, and this client has nothing else.
        if (message.Binary) Decide(OutboundVerdict.Never("5.6.3", "the message is binary and would have to be converted", session.Host));
        // RFC 8689 §4.2.1
        if (message.RequireTls && !session.Offers("REQUIRETLS"))
        {
            Decide(OutboundVerdict.Never("5.7.30", "the server does not take mail that requires TLS (REQUIRETLS)", session.Host));
        }
        if (session.Offers("SMTPUTF8")) return;
        var unable = OutboundVerdict.Never("5.6.7", "the server does not take internationalized mail (SMTPUTF8)", session.Host);
        if (message.Utf8 || message.From.Address is { IsAscii: false }) Decide(unable);
        for (var i = 0; i < recipients.Count; i++)
        {
            if (!recipients[i].IsAscii) _verdicts[i] ??= unable;
        }
    }

    // A server without 8BITMIME gets eight bits all the same. Converting would break every signature in the message, bouncing would lose
    // it, and servers that cut the eighth bit have not been met for decades; the large ones do as we do.
    private string MailCommand()
    {
        var command = $"MAIL FROM:<{message.From}>";
        if (session.Offers("SIZE")) command += string.Create(CultureInfo.InvariantCulture, $" SIZE={message.SizeBytes}");
        if (message.RequireTls) command += " REQUIRETLS"; // RFC 8689 §2
        if (message.EightBit && session.Offers("8BITMIME")) command += " BODY=8BITMIME"; // RFC 6152 §3
        var international = message.Utf8 || message.From.Address is { IsAscii: false } || recipients.Any(r => !r.IsAscii);
        return international && session.Offers("SMTPUTF8") ? command + " SMTPUTF8" : command; // RFC 6531 §3.4
    }

    // MAIL refused for ever is final; anything else another exchange may see otherwise.
    private TransactionOutcome NotBegun(SmtpReply mail)
    {
        var verdict = OutboundVerdict.Of(mail, session.Host);
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
            if (data.IsPositive) refusal = OutboundVerdict.Later("4.5.0", $"the server answered DATA with {data}", session.Host);
            Decide(refusal);
        }
        else if (_verdicts.Contains(null))
        {
            Decide(OutboundVerdict.Of(await SendMessageAsync(ct), session.Host));
            session.MustReset = false;
        }
        else
        {
            await EndWithoutMessageAsync(ct);
        }
    }

    // RFC 2920 §3.1: a server that says 354 without a recipient gets an empty message, which it must refuse.
    private async ValueTask EndWithoutMessageAsync(CancellationToken ct) =>
        await session.AskAsync(".", OutboundLimits.FinalDotTimeout, ct);

    // When this throws, the caller closes: half a message must not look like a whole one, and without the final dot it is thrown away.
    private async ValueTask<SmtpReply> SendMessageAsync(CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BlockOctets);
        try
        {
            await using var stream = await message.OpenAsync(ct);
            var stuffing = default(DotStuffing);
            int octets;
            while ((octets = await stream.ReadAsync(buffer, ct)) > 0)
            {
                WriteBlock(ref stuffing, buffer.AsSpan(0, octets));
                if (await session.FlushAsync(ct)) continue;
                // Before it left, the server may have said why.
                var said = await session.ReadReplyAsync(OutboundLimits.BlockTimeout, ct);
                var lost = session.Lost("the server closed the connection inside the message");
                return said.IsPositive ? lost : said;
            }
            WriteEnd(stuffing);
            return await FlushAndReadAsync(OutboundLimits.FinalDotTimeout, ct);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
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

    private TransactionOutcome Results() => new([.. recipients.Select((recipient, i) => _verdicts[i]!.For(recipient))], null);
}
