using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>A report that is staged; <paramref name="Commit"/> sends it off within the action that ends what it tells of.</summary>
internal sealed record Report(string Name, EmailAddress To, Action<Transaction> Commit);

/// <summary>Reports to senders (RFC 3464). They enter like any message, with the null path, so that nobody reports on them.</summary>
internal sealed class Reports(
    DeliverySettings settings, BlobStore blobs, MailStore store, AddressBook book, Routing routing, MailTrust? trust, ILogger log)
{
    /// <returns>Null when there is nothing to tell, or nobody to tell it to.</returns>
    public async Task<Report?> PrepareAsync(
        QueuedMessage message, IEnumerable<Verdict> verdicts, DeliveryAction action, DateTimeOffset now, CancellationToken ct)
    {
        RecipientStatus[] statuses = [.. verdicts.Select(verdict => Status(message, verdict.Outcome, action, now))];
        if (statuses.Length == 0) return null;
        if (message.From.Address is not { } sender)
        {
            // RFC 5321 §6.1: a report is not reported on.
            if (action == DeliveryAction.Failed) Log.ReportDropped(log, message.Name, "it has the null path");
            return null;
        }
        var resolved = await book.ResolveAsync(sender, ct);
        if (!resolved.TryGet(out var targets))
        {
            Log.ReportDropped(log, message.Name, resolved.Refusal!.Text);
            return null;
        }
        var letter = await WriteAsync(message, sender, statuses, now, ct);
        var commit = routing.Prepare(letter, Leg.Of([new Recipient(sender, targets)]), []);
        return new Report(letter.Name, sender, tx =>
        {
            if (commit(tx) is { } refusal) Log.ReportDropped(log, message.Name, refusal.Text);
        });
    }

    private async Task<Letter> WriteAsync(
        QueuedMessage message, EmailAddress sender, RecipientStatus[] statuses, DateTimeOffset now, CancellationToken ct)
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
                Arrived = message.ArrivedAt,
                Recipients = statuses,
            },
            To = sender,
            From = await SignerAsync(sender, ct),
            Date = now,
            OriginalSubject = HeaderText.Decode(new EnvelopeView(about.Envelope).Subject.Octets),
            OriginalMessageId = about.MessageId,
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

    // The sender's own postmaster, who can be asked, signs for a sender of this server.
    private async ValueTask<EmailAddress> SignerAsync(EmailAddress sender, CancellationToken ct) =>
        await book.IsLocalAsync(sender.Domain, ct) ? EmailAddress.Parse("postmaster@" + sender.Domain.Ascii) : settings.Postmaster;

    private static RecipientStatus Status(QueuedMessage message, Outcome outcome, DeliveryAction action, DateTimeOffset now)
    {
        var (recipient, _, status, reply, remote) = outcome;
        return new RecipientStatus
        {
            FinalRecipient = recipient.Address,
            OriginalRecipient = recipient.Original == recipient.Address ? null
                : (recipient.Original.IsAscii ? "rfc822;" : "utf-8;") + recipient.Original,
            Action = action,
            Status = status,
            RemoteMta = remote,
            Diagnostic = reply,
            LastAttempt = now,
            WillRetryUntil = action == DeliveryAction.Delayed ? message.ExpiresAt : null,
        };
    }
}
