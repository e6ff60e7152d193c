using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>THE door: every message that is routed, delivered or sent enters here.</summary>
public sealed class Intake
{
    private readonly DeliverySettings _settings;
    private readonly Database _db;
    private readonly MailStore _store;
    private readonly Vacancies _vacancies;
    private readonly AddressBook _book;
    private readonly SendingAllowance _sending;
    private readonly Routing _routing;
    private readonly MailTrust? _trust;
    private readonly Journey? _journey;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    /// <summary>Hears of messages whose authors' domains want to hear of them; null when they are told nothing.</summary>
    internal Action<FailureNotice>? Failed { get; set; }

    internal Intake(
        DeliverySettings settings,
        Database db,
        MailStore store,
        AddressBook book,
        SendingAllowance sending,
        Routing routing,
        MailTrust? trust,
        Journey? journey,
        TimeProvider time,
        ILogger log) =>
        (_settings, _db, _store, _vacancies, _book, _sending, _routing, _trust, _journey, _time, _log, Rules) =
            (settings, db, store, new Vacancies(db, store, settings.MessageOctetsMax, time), book, sending, routing, trust, journey, time, log,
                new StageRules(db, log));

    public StageRules Rules { get; }

    /// <summary>Whether mail from this submitter (null: from anybody, at the MX) is taken for the address, and where it would go.</summary>
    /// <returns>Refusals: NotFound (550 5.1.1), Forbidden (relaying denied, 550 5.7.1), Disabled (5.2.1), OverQuota (452 4.2.2), TooMany.</returns>
    public async ValueTask<Result<Recipient>> RecipientAsync(EmailAddress address, Identity? submitter, CancellationToken ct = default)
    {
        // Not the targets but the address itself must be ours: an alias may lead outside.
        if (submitter is null && !await _book.IsLocalAsync(address.Domain, ct)) return Refusals.RelayingDenied;
        // What comes back to a sender that a forward has rewritten.
        if (_trust is not null && SenderRewriting.IsRewritten(address) && _trust.Rewriting.TryReverse(address, out var sender))
        {
            return await ReachableAsync(address, await _book.ResolveAsync(sender, ct), ct);
        }
        return await ReachableAsync(address, await _book.ResolveAsync(address, ct), ct);
    }

    /// <summary>The milters of a new session; null when there are none.</summary>
    public MilterSession? BeginMilters() =>
        _settings.Milters.Milters.Count == 0 ? null : new MilterSession(_settings.Milters, _settings.Hostname.Ascii, _time, _log);

    /// <summary>RCPT TO:&lt;postmaster&gt; without a domain (RFC 5321 §4.5.1).</summary>
    public async ValueTask<Result<Recipient>> PostmasterAsync(CancellationToken ct = default) =>
        await ReachableAsync(_settings.Postmaster, await _book.ResolvePostmasterAsync(ct), ct);

    /// <summary>Whether this submitter may use the reverse-path (RFC 6409 §6.1), and may send more today.</summary>
    /// <returns>Null when it may. Refusals: Forbidden (553 5.7.1), RateLimited (450 4.7.1).</returns>
    public async ValueTask<Refusal?> SenderAsync(ReversePath from, Identity submitter, CancellationToken ct = default)
    {
        if (from.Address is { } address && !await _book.MaySendAsAsync(submitter, address, ct)) return Refusals.NotYours(address, submitter.Address);
        return await _sending.CheckAsync(submitter.Account, ct);
    }

    /// <summary>Reads the message to its end, stores and routes it. What comes back without a refusal is durable for every recipient.</summary>
    /// <param name="message">The octets with CRLF line ends. A <see cref="RefusalException"/> out of it (too large, a bare LF) becomes the refusal.
    /// A refusal may come before its end.</param>
    /// <exception cref="IOException">The stream broke: nothing was taken.</exception>
    public async ValueTask<Result<Receipt>> AcceptAsync(Envelope envelope, Origin origin, Stream message, CancellationToken ct = default)
    {
        var now = _time.GetUtcNow();
        var name = Letter.NewName(now);
        Result<Receipt> result;
        try
        {
            result = await AcceptAsync(name, now, envelope, origin, message, ct);
        }
        catch (RefusalException refused)
        {
            result = refused.Refusal;
        }
        Meters.AtIntake(result.Ok);
        if (result.Refusal is { } refusal)
        {
            Log.Refused(_log, name, envelope.From, origin.SessionId, refusal.Text);
            _journey?.Note(Arrival(JourneyStep.Refused, name, now, envelope, origin) with { Text = refusal.Text });
        }
        return result;
    }

    private async ValueTask<Result<Receipt>> AcceptAsync(
        string name, DateTimeOffset now, Envelope envelope, Origin origin, Stream message, CancellationToken ct)
    {
        if (envelope.Recipients.Count == 0) return Refusals.NoRecipients;
        if (envelope.Recipients.Count > _settings.RecipientsMax) return Refusals.TooManyRecipients(_settings.RecipientsMax);
        using var head = new MessageHead(message);
        await head.FillAsync(ct);
        // RFC 5321 §6.3
        var hops = HeaderScan.CountReceived(head.Octets.Span);
        if (hops > DeliveryLimits.HopsMax) return Refusals.TooManyHops;
        if (hops > DeliveryLimits.OwnHopsMax && HeaderScan.CountReceivedBy(head.Octets.Span, _settings.Hostname.Ascii) > DeliveryLimits.OwnHopsMax)
        {
            return Refusals.BeenHereTwice;
        }
        var legs = Leg.Of(envelope.Recipients);
        var circling = origin.Submitter is null ? Routing.Circling(head.Octets.Span, legs) : [];
        if (circling.Count == legs.Count) return Refusals.DeliveredBefore;

        var start = head.Octets;
        if (origin.Submitter is { } submitter)
        {
            var completed = await CompleteAsync(head, submitter, now, ct);
            if (!completed.TryGet(out start)) return completed.Refusal!;
        }
        var arriving = new Arriving(name, now, envelope, origin, legs, circling);
        if (!Rules.IsEmpty)
        {
            arriving = arriving with { Rewritings = Rules.Rewritings(SubjectOf(envelope, origin), envelope.Recipients, head.Header) };
            if (!Rules.WaitForVerdicts)
            {
                var ruled = await RuleAsync(arriving, head.Header.ToArray(), null, ct);
                if (!ruled.TryGet(out arriving!)) return ruled.Refusal!;
                if (arriving.Ruled.Discards) return Discard(arriving);
            }
        }
        if (origin.Milters is not { } milters) return await TakeAsync(arriving, head, start, message, ct);
        return await FilterAsync(arriving, milters, head, start, message, ct);
    }

    private async ValueTask<Result<Receipt>> TakeAsync(
        Arriving arriving, MessageHead head, ReadOnlyMemory<byte> start, Stream message, CancellationToken ct)
    {
        var (name, now, envelope, origin, legs, circling) = arriving;
        if (arriving.Rewritings.Count > 0)
        {
            if (!await head.HoldHeaderAsync(DeliveryLimits.SubmissionHeaderOctetsMax, ct)) return Refusals.HeaderTooLarge;
            start = HeaderRewriting.Apply(origin.Submitter is null ? head.Octets : start, arriving.Rewritings);
        }
        using var provenance = await ProvenanceAsync(head, start, envelope, origin, legs, ct);
        if (origin.Submitter is null) start = WithoutForgeries(arriving.Rewritings.Count > 0 ? start : head.Octets);
        var (staged, eightBit) = await StageAsync(head, start, message, provenance, ct);
        var proven = provenance is null ? null : await provenance.FinishAsync(now);
        if (proven?.Verdicts is not null)
        {
            Log.Judged(_log, name, proven.Summary);
            _journey?.Note(new JourneyEvent(now, name, JourneyStep.Checked) { Text = proven.Evidence });
        }
        var (refused, junk) = await JudgeAsync(proven, envelope, ct);
        var seen = proven?.Seen(origin, envelope, refused is not null, junk);
        if (Failed is { } failed && proven?.Failure(origin, envelope, refused is not null, junk, head.Header, _settings.Hostname, now) is { } notice)
        {
            failed(notice);
        }
        if (refused is not null)
        {
            if (seen is not null) await _db.WriteAsync(tx => Count(tx, seen), ct);
            return refused;
        }
        if (!Rules.IsEmpty && Rules.WaitForVerdicts)
        {
            var ruled = await RuleAsync(arriving, head.Header.ToArray(), proven?.Verdicts, ct);
            if (!ruled.TryGet(out arriving!)) return ruled.Refusal!;
            if (arriving.Ruled.Discards) return Discard(arriving);
            (legs, circling) = (arriving.Legs, arriving.Circling);
        }
        var quarantine = arriving.Ruled.Quarantine ?? arriving.MilterQuarantine;
        byte[] trace = [.. Trace(proven, Received(name, now, envelope, origin)), .. arriving.Ruled.Fields];
        var letter = new Letter(
            name, envelope.From, staged.Blob, staged.Summary, trace,
            envelope.Utf8 && !Ascii.IsValid(head.Header), eightBit, now)
        {
            Parameters = TlsRequiredField.Apply(envelope.Parameters, staged.Summary, start.Span),
            Junk = junk,
            Seen = seen,
            Quarantine = quarantine,
            Route = arriving.Ruled.Route,
            Submitter = origin.Submitter?.Account,
            Head = start,
        };
        if (quarantine is not null) Log.Quarantined(_log, name, quarantine);
        _journey?.Note(Arrival(JourneyStep.Received, name, now, envelope, origin) with
        {
            MessageId = staged.Summary.MessageId,
            Size = staged.Length,
        });
        if (await _routing.TakeAsync(letter, legs, circling, SpendingOf(envelope, origin), ct) is { } refusal) return refusal;
        Log.Accepted(_log, name, staged.Length, envelope.From, envelope.Recipients.Count, origin.SessionId);
        return new Receipt(name, staged.Length);
    }

    // The milters see what would be stored, and what they make of it is taken in its place.
    private async ValueTask<Result<Receipt>> FilterAsync(
        Arriving arriving, MilterSession milters, MessageHead head, ReadOnlyMemory<byte> start, Stream message, CancellationToken ct)
    {
        if (!await head.HoldHeaderAsync(DeliveryLimits.SubmissionHeaderOctetsMax, ct)) return Refusals.HeaderTooLarge;
        // A submission was completed after its header was held; for others the buffer may have grown just now.
        var octets = arriving.Origin.Submitter is null ? head.Octets : start;
        var length = HeaderFields.Of(octets.Span).Length;
#pragma warning disable CA2000 // disposing them would dispose the caller's stream, and the message's body
        var rest = new HeadedStream(octets[length..], head.IsWhole ? Stream.Null : message, _settings.MessageOctetsMax);
        await using var shown = await MilteredMessage.ReadAsync(octets[..length], rest, _settings.MessageOctetsMax, ct);
        if (await milters.MessageAsync(arriving.Name, shown, ct) is { } refusal) return refusal;
        if (milters.Discards) return Discard(arriving);
        var whole = new HeadedStream(shown.Header(), shown.Body(), _settings.MessageOctetsMax);
#pragma warning restore CA2000
        using var again = new MessageHead(whole);
        await again.FillAsync(ct);
        if (!await again.HoldHeaderAsync(DeliveryLimits.SubmissionHeaderOctetsMax, ct)) return Refusals.HeaderTooLarge;
        return await TakeAsync(arriving with { MilterQuarantine = shown.Quarantine }, again, again.Octets, whole, ct);
    }

    private Receipt Discard(Arriving arriving)
    {
        Log.Discarded(_log, arriving.Name, arriving.Envelope.From, arriving.Origin.SessionId);
        return new Receipt(arriving.Name, 0);
    }

    // Counted in the action that takes the message.
    private Action<Transaction>? SpendingOf(Envelope envelope, Origin origin)
    {
        if (origin.Submitter is not { } submitter) return null;
        EmailAddress[] recipients = [.. envelope.Recipients.Select(static recipient => recipient.Address).DistinctBy(static address => address.Key)];
        return tx => _sending.Spend(tx, submitter.Account, recipients);
    }

    private static RuleSubject SubjectOf(Envelope envelope, Origin origin) => new(origin.Listener, origin.Remote, origin.Helo, envelope.From);

    /// <summary>What the rules make of a message: where it goes, and what is put before it.</summary>
    private async ValueTask<Result<Arriving>> RuleAsync(Arriving arriving, byte[] header, MailVerdicts? verdicts, CancellationToken ct)
    {
        var outcome = Rules.AtMessage(SubjectOf(arriving.Envelope, arriving.Origin), arriving.Envelope.Recipients, header, verdicts);
        if (outcome.Spoken.Length > 0) _journey?.Note(new JourneyEvent(arriving.Now, arriving.Name, JourneyStep.Checked) { Text = outcome.Spoken });
        if (outcome.Refusal is not null) return outcome.Refusal;
        var legs = arriving.Legs;
        foreach (var (match, to) in outcome.Redirections)
        {
            var resolved = await _book.ResolveAsync(to, ct);
            if (!resolved.TryGet(out var targets)) return resolved.Refusal!;
            legs = Leg.Redirect(legs, match.IsFor, targets);
        }
        return arriving with { Ruled = outcome, Legs = legs, Circling = [.. arriving.Circling.Where(legs.Contains)] };
    }

    /// <summary>A message on its way in, with what is decided about it already.</summary>
    private sealed record Arriving(string Name, DateTimeOffset Now, Envelope Envelope, Origin Origin, List<Leg> Legs, List<Leg> Circling)
    {
        public RuleOutcome Ruled { get; init; } = RuleOutcome.Nothing;

        /// <summary>Fields that rules write anew.</summary>
        public IReadOnlyList<string> Rewritings { get; init; } = [];

        public string? MilterQuarantine { get; init; }
    }

    private static JourneyEvent Arrival(JourneyStep step, string name, DateTimeOffset now, Envelope envelope, Origin origin) => new(now, name, step)
    {
        From = envelope.From.ToString(),
        To = [.. envelope.Recipients.Take(JourneyLimits.NamedRecipientsMax).Select(static recipient => recipient.Address.ToString())],
        Client = origin.Remote,
        Name = origin.Helo,
        With = origin.With,
        Tls = origin.Tls,
        User = origin.Submitter?.Address.ToString(),
        Session = origin.SessionId,
    };

    private async ValueTask<(StagedMessage Message, bool EightBit)> StageAsync(
        MessageHead head, ReadOnlyMemory<byte> start, Stream message, Provenance? provenance, CancellationToken ct)
    {
        if (provenance is { WantsBody: true }) provenance.Append(start.Span[HeaderFields.Of(start.Span).Length..]);
        if (head.IsWhole)
        {
            if (start.Length > _settings.MessageOctetsMax) throw Refusals.TooLarge(_settings.MessageOctetsMax).AsException();
            return (await _store.StageAsync(start, ct), !Ascii.IsValid(start.Span));
        }
#pragma warning disable CA2000 // disposing it would dispose the caller's stream
        var rest = new HeadedStream(start, message, _settings.MessageOctetsMax)
        {
            Passed = provenance is { WantsBody: true } ? provenance.Append : null,
        };
#pragma warning restore CA2000
        return (await _store.StageAsync(rest, ct), rest.EightBit);
    }

    /// <summary>RFC 6409 §8: the octets of the head as they go out.</summary>
    private async ValueTask<Result<ReadOnlyMemory<byte>>> CompleteAsync(
        MessageHead head, Identity submitter, DateTimeOffset now, CancellationToken ct)
    {
        if (!await head.HoldHeaderAsync(DeliveryLimits.SubmissionHeaderOctetsMax, ct)) return Refusals.HeaderTooLarge;
        var headers = SubmissionHeaders.Read(head.Octets.Span);
        if (headers.From.Count == 0) return Refusals.NoFrom;
        foreach (var author in headers.From.Concat(headers.Sender))
        {
            if (!await _book.MaySendAsAsync(submitter, author, ct)) return Refusals.NotYours(author, submitter.Address);
        }
        if (headers.IsComplete) return head.Octets;
        var output = new ArrayBufferWriter<byte>(head.Octets.Length + 256);
        headers.Rewrite(head.Octets.Span, now, _settings.Hostname, output);
        return output.WrittenMemory;
    }

    private static byte[] Trace(Proven? proven, byte[] received) => proven is null ? received : [.. proven.Fields, .. received];

    private static bool Count(Transaction tx, DmarcObservation seen)
    {
        DmarcBook.Record(tx, seen);
        return true;
    }

    private async ValueTask<Provenance?> ProvenanceAsync(
        MessageHead head, ReadOnlyMemory<byte> start, Envelope envelope, Origin origin, List<Leg> legs, CancellationToken ct)
    {
        if (_trust is null) return null;
        if (origin.Submitter is not null || origin.IsOurs) return await Provenance.SignAsync(_trust, start, ct);
        if (!_trust.Checks(origin.Remote)) return null;
        // A header beyond the limit is looked at as far as it is here.
        await head.HoldHeaderAsync(DeliveryLimits.SubmissionHeaderOctetsMax, ct);
        return await Provenance.CheckAsync(_trust, envelope, origin, legs, head.Octets, ct);
    }

    /// <summary>RFC 8601 §5: verdicts in our name that we have not written go.</summary>
    private ReadOnlyMemory<byte> WithoutForgeries(ReadOnlyMemory<byte> start)
    {
        var forged = AuthenticationResults.Forged(start.Span, _settings.Hostname.Ascii);
        if (forged.Count == 0) return start;
        var output = new ArrayBufferWriter<byte>(start.Length);
        var at = 0;
        foreach (var range in forged)
        {
            output.Write(start.Span[at..range.Offset]);
            at = range.Offset + range.Length;
        }
        output.Write(start.Span[at..]);
        return output.WrittenMemory;
    }

    /// <summary>What the author's domain asks for, as far as the recipients' domains go along with it.</summary>
    private async ValueTask<(Refusal? Refusal, bool Junk)> JudgeAsync(Proven? proven, Envelope envelope, CancellationToken ct)
    {
        if (proven?.Verdicts is not { } verdicts) return (null, false);
        if (verdicts.From!.IsForgery) return (Refusals.OddFrom(verdicts.From.Oddities), false);
        if (proven.Policy == DmarcPolicy.None) return (null, false);
        var handling = DmarcHandling.Honour;
        foreach (var domain in envelope.Recipients.Select(static recipient => recipient.Address.Domain).Distinct())
        {
            var own = await _book.DmarcAsync(domain, ct);
            if (own > handling) handling = own;
        }
        return handling switch
        {
            DmarcHandling.Ignore => (null, false),
            DmarcHandling.Honour when proven.Policy == DmarcPolicy.Reject => (Refusals.ByPolicy(verdicts.Dmarc!), false),
            _ => (null, true),
        };
    }

    // RFC 5321 §4.4
    private byte[] Received(string name, DateTimeOffset now, Envelope envelope, Origin origin) => TraceHeader.Received(new ReceivedTrace
    {
        Helo = origin.Helo,
        ClientAddress = origin.Remote,
        By = _settings.Hostname.Ascii,
        With = origin.With,
        Tls = origin.Tls,
        Id = name,
        For = envelope.Recipients is [var only] ? only.Address : null,
        At = now,
    });

    /// <summary>A mailbox that is full already is told before the message comes.</summary>
    private async ValueTask<Result<Recipient>> ReachableAsync(
        EmailAddress address, Result<IReadOnlyList<Target>> resolved, CancellationToken ct)
    {
        if (!resolved.TryGet(out var targets)) return resolved.Refusal!;
        if (await _vacancies.AllFullAsync(targets, ct)) return Refusals.Full(address);
        return new Recipient(address, targets);
    }
}
