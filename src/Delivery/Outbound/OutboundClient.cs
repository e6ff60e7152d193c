using System.Net;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Dns;
using Posthorn.Trust;
using Posthorn.Wire;

namespace Posthorn.Delivery;

// Outbound carries one message to one destination, once: it finds the exchanges, speaks SMTP with them, and says of each recipient
// what became of it. When to try again and whom to tell is the queue's.
//
// Invariants. Every recipient of a message gets exactly one result. A host that has agreed to MAIL is asked for all that it can say, and its
// words are final for this attempt; only before that the next host is tried. No password leaves without TLS and a valid certificate.
// A session is used by one message at a time, and goes back to the pool only in order. Whatever the other server does, it costs bounded
// memory and time (OutboundLimits).
//
// Locks: SessionPool's, held for list work only.

/// <summary>Sends messages to other servers, or all of them to the relay (RFC 5321 §5).</summary>
internal sealed class OutboundClient(
    DeliverySettings settings, Resolver resolver, WireClient wire, MailTls? tls, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private readonly Exchanges _exchanges = new(settings, resolver);
    private readonly SmtpDialer _dialer = new(settings, wire, log);
    private readonly SessionPool _sessions = new(time);

    /// <summary>One attempt.</summary>
    /// <returns>One result for each recipient.</returns>
    /// <exception cref="OperationCanceledException">Cancelled before anything was decided.</exception>
    public async Task<IReadOnlyList<OutboundResult>> SendAsync(OutboundMessage message, CancellationToken ct)
    {
        var attempt = new Sending(message, message.Hop ?? NextHop.Of(settings));
        try
        {
            var (hosts, verdict, authentic) = attempt.Hop.Host is { } named
                ? new ExchangeHosts([named], null)
                : await _exchanges.FindAsync(message.Destination, ct);
            if (verdict is not null) attempt.Note(verdict);
            if (attempt.Hop.Host is null && tls is not null && hosts.Count > 0 && !message.IgnoreTlsPolicy)
            {
                attempt.Tls = await tls.Outbound.ForAsync(message.Destination, authentic, message.RequireTls, ct);
                if (attempt.Tls.StsFailure is { } failure) await tls.Results.RecordAsync(attempt.Tls.Announced(failure), ct);
            }
            foreach (var host in hosts)
            {
                await TryHostAsync(attempt, host, ct);
                if (attempt.IsOver) break;
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested && attempt.Results.Count > 0)
        {
            // What was delivered must be known, or it would be delivered again.
            attempt.Note(OutboundVerdict.Later("4.3.2", "the attempt was broken off", reach: Reach.Here));
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // The message cannot be read, or we are wrong: the same holds for what was delivered before.
            OutboundLog.Broken(log, e, message.Id);
            attempt.Note(OutboundVerdict.Later("4.3.0", "this server had a problem of its own", reach: Reach.Here));
        }
        return attempt.End();
    }

    public ValueTask DisposeAsync() => _sessions.DisposeAsync();

    // Transactions with one host until every recipient has its result, or the host does not want to begin one.
    private async Task TryHostAsync(Sending attempt, string host, CancellationToken ct)
    {
        var (addresses, hostTls, no) = await LookUpAsync(attempt, host, ct);
        if (no is not null)
        {
            NotTaken(attempt, host, no);
            return;
        }
        var session = _sessions.Take(host, attempt.Hop, hostTls.Key);
        var waited = session is not null;
        while (!attempt.IsOver)
        {
            if (session is null)
            {
                (session, var verdict, var went) = await _dialer.OpenAsync(attempt.Hop, hostTls, addresses, ct);
                if (went is not null && attempt.Tls is not null) await tls!.Results.RecordAsync(went, ct);
                if (session is null)
                {
                    NotTaken(attempt, host, Hardened(attempt.Message, verdict!));
                    return;
                }
            }
            var outcome = await TransactAsync(session, attempt, ct);
            if (outcome.Elsewhere is { } elsewhere && !(waited && outcome.Stale))
            {
                NotTaken(attempt, host, elsewhere);
                return;
            }
            if (outcome.Elsewhere is null && session.IsUsable) continue;
            // What the server does to a connection that has waited says nothing about the message.
            (session, waited) = (null, false);
        }
    }

    // RFC 8689 §4.2.1: without protection the message goes back at once.
    private static OutboundVerdict Hardened(OutboundMessage message, OutboundVerdict verdict) =>
        message.RequireTls && verdict.Status == "4.7.5" ? OutboundVerdict.Never("5.7.10", verdict.Reply, verdict.RemoteMta) : verdict;

    private void NotTaken(Sending attempt, string host, OutboundVerdict verdict)
    {
        OutboundLog.NotTaken(log, attempt.Message.Id, host, verdict.Status, verdict.Reply);
        attempt.Note(verdict);
    }

    // Where the host is, and what the session with it must prove.
    private async ValueTask<(IReadOnlyList<IPAddress> Addresses, HostTls Tls, OutboundVerdict? Verdict)> LookUpAsync(
        Sending attempt, string host, CancellationToken ct)
    {
        var opportunistic = HostTls.Opportunistic(attempt.Message.Destination, host);
        var (addresses, verdict, authentic) = attempt.Hop.Host is null
            ? await _exchanges.AddressesAsync(host, ct)
            : IPAddress.TryParse(host, out var literal) ? new([literal], null) : await _exchanges.RelayAddressesAsync(host, ct);
        if (verdict is not null || attempt.Tls is not { } domain) return (addresses, opportunistic, verdict);
        var hostTls = await domain.ForHostAsync(host, settings.Port, authentic, ct);
        if (hostTls.Refusal is not { } refusal) return (addresses, hostTls, null);
        await tls!.Results.RecordAsync(hostTls.SessionOf(refusal, null), ct);
        return (addresses, hostTls, attempt.Message.RequireTls
            ? OutboundVerdict.Never("5.7.10", refusal.Reason, host) // RFC 8689 §4.2.1
            : OutboundVerdict.Later("4.7.5", refusal.Reason, host));
    }

    // One transaction. Afterwards the session is the pool's, unless the next one follows over it at once.
    private async ValueTask<TransactionOutcome> TransactAsync(SmtpSession session, Sending attempt, CancellationToken ct)
    {
        var ended = false;
        try
        {
            var recipients = attempt.Pending.Take(session.RecipientsMax).ToArray();
            var outcome = await new SmtpTransaction(session, attempt.Message, recipients).RunAsync(ct);
            ended = true;
            attempt.Add(outcome.Results);
            if (outcome.Elsewhere is not null || attempt.IsOver || !session.IsUsable) _sessions.Return(session);
            return outcome;
        }
        finally
        {
            if (!ended) await session.AbandonAsync("the attempt was broken off");
        }
    }

    // What is known of one message's recipients so far.
    private sealed class Sending(OutboundMessage message, NextHop hop)
    {
        private OutboundVerdict? _last;

        public OutboundMessage Message => message;

        public NextHop Hop => hop;

        /// <summary>What TLS with the domain's servers must be like; null where nobody asks for anything.</summary>
        public DomainTls? Tls { get; set; }

        public List<OutboundResult> Results { get; } = [];

        public List<EmailAddress> Pending { get; } = [.. message.Recipients];

        public bool IsOver => Pending.Count == 0;

        public void Add(IReadOnlyList<OutboundResult> results)
        {
            Results.AddRange(results);
            Pending.RemoveRange(0, results.Count);
        }

        /// <summary>A host's no. One that may change its mind outweighs those that never will.</summary>
        public void Note(OutboundVerdict verdict)
        {
            if (_last is not { Outcome: OutboundOutcome.Deferred } || verdict.Outcome == OutboundOutcome.Deferred) _last = verdict;
        }

        public List<OutboundResult> End()
        {
            var last = _last ?? OutboundVerdict.Later("4.4.0", "no exchange was tried");
            Results.AddRange(Pending.Select(last.For));
            return Results;
        }
    }
}
