using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>A report that is staged; <paramref name="Commit"/> sends it off within the action that ends what it tells of.</summary>
internal sealed record Report(string Name, EmailAddress To, DeliveryAction Action, Action<Transaction> Commit);

/// <summary>Reports to senders (RFC 3464). They enter like any message, with the null path, so that nobody reports on them.</summary>
internal sealed class Reports(
    DeliverySettings settings, BlobStore blobs, MailStore store, AddressBook book, Routing routing, MailTrust? trust, ILogger log)
{
    /// <summary>Tells the sender; a failure that no sender can be told of is kept for the postmaster.</summary>
    /// <returns>Null when there is nobody to tell it to.</returns>
    public async Task<Report?> PrepareAsync(
        QueuedMessage message, IReadOnlyList<Outcome> outcomes, DeliveryAction action, DateTimeOffset now, CancellationToken ct)
    {
        string why;
        if (message.From.Address is { } sender)
        {
            var resolved = await book.ResolveAsync(sender, ct);
            if (resolved.TryGet(out var targets)) return await PrepareAsync(message, outcomes, action, sender, targets, now, ct);
            why = resolved.Refusal!.Text;
        }
        else
        {
            why = "it has the null path"; // RFC 5321 §6.1: a report is not reported on
        }
        return action == DeliveryAction.Failed ? await PrepareForPostmasterAsync(message, outcomes, why, now, ct) : null;
    }

    private async Task<Report?> PrepareForPostmasterAsync(
        QueuedMessage message, IReadOnlyList<Outcome> outcomes, string why, DateTimeOffset now, CancellationToken ct)
    {
        // What cannot reach the postmaster either would go round for ever.
        Outcome[] others = [.. outcomes.Where(outcome => outcome.Recipient.Original != settings.Postmaster)];
        var resolved = await book.ResolvePostmasterAsync(ct);
        if (others.Length > 0 && resolved.TryGet(out var targets))
        {
            return await PrepareAsync(message, others, DeliveryAction.Failed, settings.Postmaster, targets, now, ct);
        }
        Log.ReportDropped(log, message.Name, others.Length == 0 ? why : resolved.Refusal!.Text);
        return null;
    }

    private async Task<Report> PrepareAsync(
        QueuedMessage message,
        IReadOnlyList<Outcome> outcomes,
        DeliveryAction action,
        EmailAddress to,
        IReadOnlyList<Target> targets,
        DateTimeOffset now,
        CancellationToken ct)
    {
        RecipientStatus[] statuses = [.. outcomes.Select(outcome => Status(message, outcome, action, now))];
        var letter = await WriteAsync(message, to, statuses, now, ct);
        var commit = routing.Prepare(letter, Leg.Of([new Recipient(to, targets)]), []);
        return new Report(letter.Name, to, action, tx =>
        {
            if (commit(tx) is { } refusal) Log.ReportDropped(log, message.Name, refusal.Text);
        });
    }

    private async Task<Letter> WriteAsync(
        QueuedMessage message, EmailAddress to, RecipientStatus[] statuses, DateTimeOffset now, CancellationToken ct)
    {
        using var blob = await blobs.OpenAsync(message.Blob, ct)
            ?? throw new InvalidOperationException($"The blob of message {message.Name} is missing");
        var head = new byte[Math.Min(blob.Length, DeliveryLimits.ReportedHeaderOctetsMax)];
        await blob.ReadAsync(0, head, ct);
        var about = MessageReader.Read(head.AsMemory(0, HeaderFields.Of(head).Length));
        var report = new DeliveryReport
        {
            Status = new DeliveryStatusNotification
            {
                ReportingMta = settings.Hostname.Ascii,
                EnvelopeId = message.Parameters.EnvelopeId,
                Arrived = message.ArrivedAt,
                Recipients = statuses,
            },
            To = to,
            From = await SignerAsync(to, ct),
            Date = now,
            OriginalSubject = HeaderText.Decode(new EnvelopeView(about.Envelope).Subject.Octets),
            OriginalMessageId = about.MessageId,
            ReturnFull = ReturnsFull(message, statuses[0].Action),
        };
        var text = new MemoryStream();
        await report.WriteAsync(new HeadedStream(message.Trace, blob.AsStream()), text, ct);
        var octets = text.GetBuffer().AsMemory(0, (int)text.Length);
        var staged = await store.StageAsync(octets, ct);
        return new Letter(
            Letter.NewName(now), ReversePath.Null, staged.Blob, staged.Summary, await SignatureAsync(report.From.Domain, octets, now, ct),
            report.Status.NeedsUtf8, !System.Text.Ascii.IsValid(octets.Span), now);
    }

    private async ValueTask<byte[]> SignatureAsync(Domain author, ReadOnlyMemory<byte> report, DateTimeOffset now, CancellationToken ct) =>
        trust is not null && await trust.Keys.ReadyAsync(author, ct) is { Count: > 0 } keys ? MailSigning.Sign(report, keys, now) : [];

    // RFC 3461 §4.3: RET says how much of a message that failed comes back; other reports have its header.
    private static bool ReturnsFull(QueuedMessage message, DeliveryAction action) =>
        action == DeliveryAction.Failed && message.Parameters is { Return: DsnReturn.Full, Body: not BodyType.BinaryMime }
        && message.Length <= DeliveryLimits.ReturnedOctetsMax;

    // The sender's own postmaster, who can be asked, signs for a sender of this server.
    private async ValueTask<EmailAddress> SignerAsync(EmailAddress sender, CancellationToken ct) =>
        await book.IsLocalAsync(sender.Domain, ct) ? EmailAddress.Parse("postmaster@" + sender.Domain.Ascii) : settings.Postmaster;

    private static RecipientStatus Status(QueuedMessage message, Outcome outcome, DeliveryAction action, DateTimeOffset now)
    {
        var (recipient, status, reply) = (outcome.Recipient, outcome.Status, outcome.Reply);
        return new RecipientStatus
        {
            FinalRecipient = recipient.Address,
            OriginalRecipient = recipient.Parameters.OriginalRecipient ?? (recipient.Original == recipient.Address ? null
                : (recipient.Original.IsAscii ? "rfc822;" : "utf-8;") + recipient.Original),
            Action = action,
            Status = status,
            RemoteMta = outcome.RemoteMta,
            Diagnostic = reply,
            LastAttempt = now,
            WillRetryUntil = action == DeliveryAction.Delayed ? message.ExpiresAt : null,
        };
    }
}
