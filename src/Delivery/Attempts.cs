using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>What an attempt has found out about one recipient.</summary>
internal sealed record Outcome(QueuedRecipient Recipient, OutboundOutcome Result, string Status, string Reply, string? RemoteMta = null);

/// <summary>One attempt: claim, act, write down what became of it. A crash between any two of these repeats the attempt and nothing else.</summary>
internal sealed class Attempts(
    DeliverySettings settings,
    Database db,
    BlobStore blobs,
    MailStore store,
    AddressBook book,
    QueueTable table,
    Func<OutboundMessage, CancellationToken, Task<IReadOnlyList<OutboundResult>>> send,
    Settlement settlement,
    MailTrust? trust,
    ReportReading reports,
    TimeProvider time,
    ILogger log)
{
    /// <summary>How long a claim holds; an attempt is broken off before.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromMinutes(40);

    /// <summary>How long one attempt may take.</summary>
    public static readonly TimeSpan AttemptTimeout = TimeSpan.FromMinutes(30);

    /// <summary>Never throws. When <paramref name="ct"/> breaks it off, the claim stays until the next start.</summary>
    public async Task RunAsync(long entry, long[] recipients, CancellationToken ct)
    {
        try
        {
            var (message, claimed) = await db.WriteAsync(tx => Claim(tx, entry, recipients), ct);
            if (claimed.Count == 0) return;
            var outcomes = await OutcomesAsync(message!, claimed, ct);
            await settlement.SettleAsync(message!, outcomes, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The server stops.
        }
        catch (Exception error)
        {
            Log.AttemptBroke(log, error, entry.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    private (QueuedMessage? Message, List<QueuedRecipient> Claimed) Claim(Transaction tx, long entry, long[] recipients)
    {
        var claimed = QueueTable.Claim(tx, recipients, settings.Node, time.GetUtcNow() + LeaseTime);
        return (claimed.Count > 0 ? QueueTable.ReadMessage(tx, entry) : null, claimed);
    }

    private async Task<List<Outcome>> OutcomesAsync(QueuedMessage message, List<QueuedRecipient> claimed, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(AttemptTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        var outcomes = new List<Outcome>();
        foreach (var kind in claimed.GroupBy(static recipient => recipient.Kind))
        {
            try
            {
                if (kind.Key == LegKind.Reports) await reports.RunAsync(message, kind, both.Token);
                else outcomes.AddRange(kind.Key switch
                {
                    LegKind.Unfollowed => await FollowAsync(message, kind, both.Token),
                    LegKind.Local => await DeliverAsync(message, kind, both.Token),
                    _ => await SendAsync(message, [.. kind], both.Token),
                });
            }
            catch (Exception error) when (!ct.IsCancellationRequested)
            {
                if (timeout.IsCancellationRequested)
                {
                    outcomes.AddRange(kind.Select(static r => new Outcome(r, OutboundOutcome.Deferred, "4.4.2", "the attempt took too long")));
                    continue;
                }
                Log.AttemptBroke(log, error, message.Name);
                outcomes.AddRange(kind.Select(static r => new Outcome(r, OutboundOutcome.Deferred, "4.3.0", "this server had a problem of its own")));
            }
        }
        return outcomes;
    }

    private async Task<List<Outcome>> FollowAsync(QueuedMessage message, IEnumerable<QueuedRecipient> recipients, CancellationToken ct)
    {
        var outcomes = new List<Outcome>();
        foreach (var recipient in recipients)
        {
            var resolved = await book.ResolveAsync(recipient.Address, ct);
            if (!resolved.TryGet(out var targets))
            {
                outcomes.Add(Refused(recipient, resolved.Refusal!));
                continue;
            }
            Leg[] legs = [.. targets.Select(target => new Leg(recipient.Original, target, recipient.Parameters))];
            if (!await db.WriteAsync(tx => table.Replace(tx, message.Entry, recipient, settings.Node, legs), ct)) continue;
            Log.Followed(log, message.Name, recipient.Address, legs.Length);
        }
        return outcomes;
    }

    private async Task<List<Outcome>> DeliverAsync(QueuedMessage message, IEnumerable<QueuedRecipient> recipients, CancellationToken ct)
    {
        var (letter, head) = await LoadAsync(message, ct);
        var outcomes = new List<Outcome>();
        foreach (var slice in recipients.OrderBy(static recipient => recipient.Account.Value).Chunk(DeliveryLimits.MailboxesPerCommitMax))
        {
            var parcels = new List<(QueuedRecipient Recipient, NewEmail Email)>();
            foreach (var recipient in slice)
            {
                if (HeaderScan.WasDeliveredTo(head, recipient.Address)) outcomes.Add(Refused(recipient, Refusals.DeliveredBefore));
                else parcels.Add((recipient, Routing.ForMailbox(letter, new Target.Local(recipient.Account, recipient.Address, null))));
            }
            var refused = await db.WriteAsync(tx => Deliver(tx, message, parcels), ct);
            outcomes.AddRange(refused);
            foreach (var (recipient, _) in parcels)
            {
                if (refused.Exists(outcome => outcome.Recipient == recipient)) continue;
                Meters.Attempted("delivered");
                Log.Delivered(log, message.Name, recipient.Address, "mailbox");
            }
        }
        return outcomes;
    }

    /// <summary>The deliveries and the removal of their rows: both or neither.</summary>
    /// <returns>Those that no attempt can deliver.</returns>
    private List<Outcome> Deliver(Transaction tx, QueuedMessage message, List<(QueuedRecipient Recipient, NewEmail Email)> parcels)
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
        return refused;
    }

    private async Task<List<Outcome>> SendAsync(QueuedMessage message, QueuedRecipient[] recipients, CancellationToken ct)
    {
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
            Binary = message.Parameters.Body == BodyType.BinaryMime,
            RequireTls = message.Parameters.RequireTls && !message.From.IsNull,
            IgnoreTlsPolicy = message.Parameters.IgnoreTlsPolicy,
        };
        var results = await send(outbound, ct);
        var outcomes = new List<Outcome>(recipients.Length);
        foreach (var recipient in recipients)
        {
            var result = results.FirstOrDefault(result => result.Recipient == recipient.Address)
                ?? throw new InvalidOperationException($"Nothing is known of {recipient.Address} after the attempt");
            outcomes.Add(new Outcome(recipient, result.Outcome, result.Status, Line(result.Reply), result.RemoteMta));
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
}
