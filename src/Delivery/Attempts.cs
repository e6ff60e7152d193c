using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>What an attempt has found out about one recipient.</summary>
/// <param name="IsAttempt">False when nothing was tried, because its destination is left alone.</param>
internal sealed record Outcome(
    QueuedRecipient Recipient, OutboundOutcome Result, string Status, string Reply, string? RemoteMta = null, bool IsAttempt = true)
{
    /// <summary>What the server that took it does for the sender.</summary>
    public PeerDuties Duties { get; init; }

    /// <summary>How the connection to it was protected; null in the clear, or when there was none.</summary>
    public string? Tls { get; init; }
}

/// <summary>Recipients of one message that go the same way, claimed.</summary>
/// <param name="Message">Null when nobody was left to claim.</param>
internal sealed record Attempt(string Lane, QueuedMessage? Message, List<QueuedRecipient> Recipients);

/// <summary>What the scheduler learns from the end of an attempt.</summary>
/// <param name="Reply">Why nobody was reached.</param>
/// <param name="Next">When the first of the recipients is tried again.</param>
/// <param name="Lanes">Where recipients may have become due.</param>
internal readonly record struct AttemptEnd(LaneHealth Health, string Reply, DateTimeOffset? Next, IReadOnlyList<string> Lanes);

/// <summary>One attempt: claim, act, write down what became of it. A crash between any two of these repeats the attempt and nothing else.</summary>
internal sealed class Attempts(
    DeliverySettings settings,
    Database db,
    BlobStore blobs,
    MailStore store,
    AddressBook book,
    QueueTable table,
    MailRoutes routes,
    Func<OutboundMessage, CancellationToken, Task<IReadOnlyList<OutboundResult>>> send,
    Settlement settlement,
    Reports reports,
    Journey? journey,
    MailTrust? trust,
    ReportReading reading,
    TimeProvider time,
    ILogger log)
{
    /// <summary>How long a claim holds; an attempt is broken off before.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromMinutes(40);

    /// <summary>How long one attempt may take.</summary>
    public static readonly TimeSpan AttemptTimeout = TimeSpan.FromMinutes(30);

    /// <summary>Several attempts' claims in one commit.</summary>
    /// <returns>An attempt for each, in their order.</returns>
    public ValueTask<List<Attempt>> ClaimAsync(IReadOnlyList<(string Lane, long Entry, long[] Recipients)> groups, CancellationToken ct) =>
        db.WriteAsync(
            tx =>
            {
                var attempts = new List<Attempt>(groups.Count);
                foreach (var (lane, entry, recipients) in groups)
                {
                    var claimed = QueueTable.Claim(tx, recipients, settings.Node, tx.Now + LeaseTime);
                    var message = claimed.Count > 0 ? QueueTable.ReadMessage(tx, entry) : null;
                    attempts.Add(new Attempt(lane, message, message?.Submitter is { } submitter ? Suppress(tx, submitter, claimed) : claimed));
                }
                return attempts;
            },
            ct);

    private static List<QueuedRecipient> Suppress(Transaction tx, AccountId submitter, List<QueuedRecipient> claimed) =>
    [
        .. claimed.Select(recipient => recipient.Kind == LegKind.Remote
            && Suppressions.Find(tx, submitter, recipient.Address, tx.Now) is { } reason ? recipient with { Suppressed = reason } : recipient),
    ];

    /// <summary>Never throws. When <paramref name="ct"/> breaks it off, the claim stays until the next start.</summary>
    public async Task<AttemptEnd> RunAsync(Attempt attempt, CancellationToken ct)
    {
        if (attempt.Message is not { } message) return new AttemptEnd(LaneHealth.Unknown, "", null, []);
        try
        {
            var found = new Findings();
            var rules = await routes.CurrentAsync(ct);
            var route = rules.OfLane(attempt.Lane, out var isKnown);
            var recipients = isKnown && !rules.LooksAtHeaders ? attempt.Recipients : await RerouteAsync(attempt, rules, found, ct);
            await FindOutAsync(message, recipients, route, found, ct);
            var next = await settlement.SettleAsync(message, found.Outcomes, route, ct);
            // Those of its recipients that waited until every address was followed, and those that went into another lane.
            var lanes = found.Moves ? await db.ReadAsync(snapshot => LaneTable.OfEntry(snapshot, message.Entry), ct) : [];
            return new AttemptEnd(found.Health, found.Reply, next, lanes);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The server stops.
        }
        catch (Exception error)
        {
            Log.AttemptBroke(log, error, message.Name);
        }
        return new AttemptEnd(LaneHealth.Unknown, "", null, []);
    }

    /// <summary>Nothing is tried: the destination is left alone. What time asks for is done, a report or a notice.</summary>
    public async Task PostponeAsync(Attempt attempt, string reply, CancellationToken ct)
    {
        if (attempt.Message is not { } message) return;
        await settlement.SettleAsync(
            message,
            [.. attempt.Recipients.Select(r => new Outcome(r, OutboundOutcome.Deferred, "4.4.1", Line(reply), null, IsAttempt: false))],
            (await routes.CurrentAsync(ct)).OfLane(attempt.Lane, out _),
            ct);
    }

    // With the message at hand, or without the route that it waited for, some recipients belong elsewhere; what an operator pinned does not.
    private async Task<List<QueuedRecipient>> RerouteAsync(Attempt attempt, RouteSet rules, Findings found, CancellationToken ct)
    {
        var message = attempt.Message!;
        ReadOnlyMemory<byte> head = default;
        if (rules.LooksAtHeaders)
        {
            using var blob = await OpenAsync(message, ct);
            var octets = new byte[Math.Min(blob.Length, DeliveryLimits.ReportedHeaderOctetsMax)];
            await blob.ReadAsync(0, octets, ct);
            head = octets;
        }
        var stay = new List<QueuedRecipient>();
        foreach (var recipient in attempt.Recipients)
        {
            var route = rules.Decide(message.AsRouted(head), recipient.Address);
            var lane = rules.LaneOf(route, recipient.Address);
            if (recipient.Kind != LegKind.Remote || recipient.Pinned != 0 || lane == attempt.Lane)
            {
                stay.Add(recipient);
                continue;
            }
            var state = route is { Action: RouteAction.Hold } ? QueueState.Held : QueueState.Waiting;
            await db.WriteAsync(tx => QueueTable.GiveBack(tx, recipient.Id, settings.Node, lane, state), ct);
            found.Moves = true;
        }
        return stay;
    }

    private async Task FindOutAsync(
        QueuedMessage message, List<QueuedRecipient> claimed, MailRoute? route, Findings found, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(AttemptTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        foreach (var kind in claimed.GroupBy(static recipient => recipient.Kind))
        {
            try
            {
                found.Moves |= kind.Key is LegKind.Unfollowed or LegKind.Reports || route is { Action: RouteAction.Local };
                if (kind.Key == LegKind.Reports) await reading.RunAsync(message, kind, both.Token);
                else found.Outcomes.AddRange(kind.Key switch
                {
                    LegKind.Unfollowed => await FollowAsync(message, kind, null, both.Token),
                    LegKind.Local => await DeliverAsync(message, kind, both.Token),
                    _ when route is { Action: RouteAction.Local, Mailbox: { } mailbox } => await FollowAsync(message, kind, mailbox, both.Token),
                    _ when route is { Action: RouteAction.Fail } => [.. kind.Select(recipient => Failed(recipient, route))],
                    _ => await SendAsync(message, [.. kind], routes.HopOf(route), found, both.Token),
                });
            }
            catch (Exception error) when (!ct.IsCancellationRequested)
            {
                if (timeout.IsCancellationRequested)
                {
                    found.Outcomes.AddRange(kind.Select(static r => new Outcome(r, OutboundOutcome.Deferred, "4.4.2", "the attempt took too long")));
                    continue;
                }
                Log.AttemptBroke(log, error, message.Name);
                found.Outcomes.AddRange(
                    kind.Select(static r => new Outcome(r, OutboundOutcome.Deferred, "4.3.0", "this server had a problem of its own")));
            }
        }
    }

    private static Outcome Failed(QueuedRecipient recipient, MailRoute route) =>
        new(recipient, OutboundOutcome.Failed, "5.7.1", Line(route.Text ?? "mail to this address is not sent from here"));

    /// <param name="instead">Where a route leads, whoever the recipient is; only to mailboxes here, or it would be routed again.</param>
    private async Task<List<Outcome>> FollowAsync(
        QueuedMessage message, IEnumerable<QueuedRecipient> recipients, EmailAddress? instead, CancellationToken ct)
    {
        var outcomes = new List<Outcome>();
        foreach (var recipient in recipients)
        {
            var resolved = await book.ResolveAsync(instead ?? recipient.Address, ct);
            if (!resolved.TryGet(out var targets))
            {
                outcomes.Add(Refused(recipient, resolved.Refusal!));
                continue;
            }
            if (instead is not null) targets = [.. targets.OfType<Target.Local>()];
            if (targets.Count == 0)
            {
                outcomes.Add(Refused(recipient, Refusals.LeadsElsewhere(instead!)));
                continue;
            }
            Leg[] legs = [.. targets.Select(target => new Leg(recipient.Original, target, recipient.Parameters))];
            if (await db.WriteAsync(tx => table.Replace(tx, message, recipient, settings.Node, legs), ct) is null) continue;
            Log.Followed(log, message.Name, recipient.Address, legs.Length);
            journey?.Note(new JourneyEvent(time.GetUtcNow(), message.Name, JourneyStep.Followed)
            {
                To = [recipient.Address.ToString()],
                Queue = recipient.Id,
                Text = string.Join(' ', targets.Take(JourneyLimits.NamedRecipientsMax).Select(AddressOf)),
            });
        }
        return outcomes;
    }

    private static EmailAddress AddressOf(Target target) => target switch
    {
        Target.Local local => local.Address,
        Target.Reports reports => reports.Address,
        _ => ((Target.Remote)target).Address,
    };

    private async Task<List<Outcome>> DeliverAsync(QueuedMessage message, IEnumerable<QueuedRecipient> recipients, CancellationToken ct)
    {
        var (letter, head) = await LoadAsync(message, ct);
        var outcomes = new List<Outcome>();
        foreach (var slice in Slices(recipients.OrderBy(static recipient => recipient.Account.Value)))
        {
            var parcels = new List<(QueuedRecipient Recipient, NewEmail Email)>();
            foreach (var recipient in slice)
            {
                if (HeaderScan.WasDeliveredTo(head, recipient.Address)) outcomes.Add(Refused(recipient, Refusals.DeliveredBefore));
                else parcels.Add((recipient, Routing.ForMailbox(letter, new Target.Local(recipient.Account, recipient.Address, null))));
            }
            if (parcels.Count == 0) continue;
            var report = WantsSuccess(slice[0])
                ? await reports.PrepareAsync(
                    message, [new Outcome(slice[0], OutboundOutcome.Delivered, "2.0.0", "mailbox")], DeliveryAction.Delivered, time.GetUtcNow(), ct)
                : null;
            var refused = await db.WriteAsync(tx => Deliver(tx, message, parcels, report), ct);
            outcomes.AddRange(refused);
            if (report is not null && refused.Count == 0) Log.Reported(log, report.Name, report.To, message.Name);
            foreach (var (recipient, _) in parcels)
            {
                if (refused.Exists(outcome => outcome.Recipient == recipient)) continue;
                Meters.Attempted("delivered");
                Log.Delivered(log, message.Name, recipient.Address, "mailbox");
                journey?.Note(Settlement.Step(
                    message, new Outcome(recipient, OutboundOutcome.Delivered, "2.0.0", "mailbox"), null, time.GetUtcNow()));
            }
        }
        return outcomes;
    }

    private static bool WantsSuccess(QueuedRecipient recipient) => recipient.Parameters.Notify.HasFlag(DsnNotify.Success);

    // Who wants a report of success gets it in the commit of the delivery, which is then one recipient's alone.
    private static IEnumerable<QueuedRecipient[]> Slices(IEnumerable<QueuedRecipient> recipients)
    {
        var all = recipients.ToLookup(WantsSuccess);
        return all[true].Select(static recipient => new[] { recipient }).Concat(all[false].Chunk(DeliveryLimits.MailboxesPerCommitMax));
    }

    /// <summary>The deliveries, the removal of their rows and the report of success: all or nothing.</summary>
    /// <returns>Those that no attempt can deliver.</returns>
    private List<Outcome> Deliver(
        Transaction tx, QueuedMessage message, List<(QueuedRecipient Recipient, NewEmail Email)> parcels, Report? report)
    {
        var refused = new List<Outcome>();
        foreach (var (recipient, email) in parcels)
        {
            try
            {
                store.Emails.Deliver(tx, recipient.Account, message.Junk ? MailboxRole.Junk : MailboxRole.Inbox, email);
            }
            catch (RefusalException no)
            {
                refused.Add(Refused(recipient, no.Refusal));
                continue;
            }
            // Thrown out of the action, so that what another node has delivered meanwhile is not delivered twice.
            if (!QueueTable.RemoveClaimed(tx, recipient.Id, settings.Node)) throw new InvalidOperationException("The claim was lost");
        }
        table.Count(tx, message.Entry, refused.Count - parcels.Count);
        if (refused.Count == 0) report?.Commit(tx);
        return refused;
    }

    private async Task<List<Outcome>> SendAsync(
        QueuedMessage message, QueuedRecipient[] recipients, NextHop hop, Findings found, CancellationToken ct)
    {
        var outcomes = new List<Outcome>(recipients.Length);
        foreach (var suppressed in recipients.Where(static recipient => recipient.Suppressed is not null))
        {
            outcomes.Add(new Outcome(
                suppressed, OutboundOutcome.Failed, "5.7.1", Line($"nothing is sent to this address, since it bounced: {suppressed.Suppressed}")));
        }
        recipients = [.. recipients.Where(static recipient => recipient.Suppressed is null)];
        if (recipients.Length == 0) return outcomes;
        var from = await SenderAsync(message, recipients[0], ct);
        var outbound = new OutboundMessage(
            message.Name,
            recipients[0].Address.Domain,
            from,
            [.. recipients.Select(static recipient => recipient.Address)],
            message.Utf8 || from.Address is { IsAscii: false } || recipients.Any(static recipient => !recipient.Address.IsAscii),
            message.EightBit,
            message.Trace.Length + message.Length,
            async token => new HeadedStream(message.Trace, (await OpenAsync(message, token)).AsStream()))
        {
            Hop = hop,
            Parameters = message.Parameters,
            RecipientParameters = recipients.Where(static recipient => recipient.Parameters != RcptParameters.None)
                .ToDictionary(static recipient => recipient.Address, static recipient => recipient.Parameters),
            RequireTls = message.Parameters.RequireTls && !message.From.IsNull,
            IgnoreTlsPolicy = message.Parameters.IgnoreTlsPolicy,
        };
        var results = await send(outbound, ct);
        found.Learn(results);
        foreach (var recipient in recipients)
        {
            var result = results.FirstOrDefault(result => result.Recipient == recipient.Address)
                ?? throw new InvalidOperationException($"Nothing is known of {recipient.Address} after the attempt");
            outcomes.Add(new Outcome(recipient, result.Outcome, result.Status, Line(result.Reply), result.RemoteMta)
            {
                Duties = result.Duties,
                Tls = result.Tls,
            });
        }
        return outcomes;
    }

    /// <summary>Our own people send in their own name; what a stranger sent to an alias goes on in the name of the alias's domain.</summary>
    private async ValueTask<ReversePath> SenderAsync(QueuedMessage message, QueuedRecipient recipient, CancellationToken ct)
    {
        if (trust is null || message.From.Address is not { } sender || await book.IsLocalAsync(sender.Domain, ct)) return message.From;
        return trust.Rewriting.Forward(sender, recipient.Original.Domain) is { } forwarded ? new ReversePath(forwarded) : message.From;
    }

    private async Task<(Letter Letter, byte[] Head)> LoadAsync(QueuedMessage message, CancellationToken ct)
    {
        using var blob = await OpenAsync(message, ct);
        var head = new byte[Math.Min(blob.Length, DeliveryLimits.MemoryMessageOctetsMax)];
        await blob.ReadAsync(0, head, ct);
        var summary = head.Length == blob.Length ? MessageReader.Read(head) : await MessageReader.ReadAsync(blob.AsStream(), ct);
        // Linking finds the stored blob by its name: the entry holds on to it.
        var letter = new Letter(
            message.Name, message.From, new StagedBlob(message.Blob, message.Length), summary, message.Trace,
            message.Utf8, message.EightBit, message.ArrivedAt)
        {
            Junk = message.Junk,
        };
        return (letter, head);
    }

    private async Task<BlobReader> OpenAsync(QueuedMessage message, CancellationToken ct) =>
        await blobs.OpenAsync(message.Blob, ct) ?? throw new InvalidOperationException($"The blob of message {message.Name} is missing");

    private static Outcome Refused(QueuedRecipient recipient, Refusal refusal)
    {
        // RFC 3463 §3
        var (result, status) = refusal.Kind switch
        {
            RefusalKind.NotFound => (OutboundOutcome.Failed, "5.1.1"),
            RefusalKind.Disabled => (OutboundOutcome.Failed, "5.2.1"),
            RefusalKind.OverQuota => (OutboundOutcome.Failed, "5.2.2"),
            RefusalKind.TooLarge => (OutboundOutcome.Failed, "5.2.3"),
            RefusalKind.Loop => (OutboundOutcome.Failed, "5.4.6"),
            RefusalKind.TooMany => (OutboundOutcome.Failed, "5.4.6"),
            _ => (OutboundOutcome.Deferred, "4.3.0"),
        };
        return new Outcome(recipient, result, status, (result == OutboundOutcome.Failed ? "550 " : "450 ") + status + " " + refusal.Text);
    }

    private static string Line(string reply) =>
        (reply.Length > DeliveryLimits.ReplyCharsMax ? reply[..DeliveryLimits.ReplyCharsMax] : reply).Replace('\0', ' ');

    private sealed class Findings
    {
        public List<Outcome> Outcomes { get; } = [];

        public LaneHealth Health { get; private set; } = LaneHealth.Unknown;

        public string Reply { get; private set; } = "";

        /// <summary>Recipients have gone into other lanes.</summary>
        public bool Moves { get; set; }

        /// <summary>The best that any recipient has heard: who answers for one of them is there.</summary>
        public void Learn(IReadOnlyList<OutboundResult> results)
        {
            var reached = results.Min(static result => result.Reach);
            Health = reached switch
            {
                Reach.Message => LaneHealth.Alive,
                Reach.Session => LaneHealth.Busy,
                Reach.Nobody => LaneHealth.Unreachable,
                _ => LaneHealth.Unknown,
            };
            Reply = results[0].Reply;
        }
    }
}
