using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>Takes what came to a report address: a report is stored, anything else goes to the postmaster, who finds out what it is.</summary>
internal sealed class ReportReading(
    DeliverySettings settings, Database db, BlobStore blobs, AddressBook book, QueueTable table, ReportBook reports, ILogger log)
{
    /// <summary>Each recipient is settled within the action that stores its report; what throws is tried again.</summary>
    public async Task RunAsync(QueuedMessage message, IEnumerable<QueuedRecipient> recipients, CancellationToken ct)
    {
        var report = await ReadAsync(message, ct);
        foreach (var recipient in recipients)
        {
            var resolved = await book.ResolveAsync(EmailAddress.Parse("postmaster@" + recipient.Address.Domain.Ascii), ct);
            Leg[] postmaster = resolved.TryGet(out var targets)
                ? [.. targets.Select(target => new Leg(recipient.Original, target, recipient.Parameters))]
                : [];
            if (report is null)
            {
                await db.WriteAsync(tx => Settle(tx, message, recipient, postmaster), ct);
                ReportLog.NoReport(log, message.Name, recipient.Address, message.From);
                continue;
            }
            var fault = await reports.AcceptAsync(
                new ReportArrival(message.Name, message.From.ToString(), recipient.Address.Domain),
                report,
                HostedAsync,
                (tx, fault) => Settle(tx, message, recipient, fault is null ? [] : postmaster),
                ct);
            if (fault is null) ReportLog.Stored(log, message.Name, recipient.Address, message.From);
            else ReportLog.Refused(log, message.Name, recipient.Address, message.From, fault.Name, fault.Detail);
        }
    }

    // Thrown out of the action when the claim is lost, so that nothing is stored twice.
    private bool Settle(Transaction tx, QueuedMessage message, QueuedRecipient recipient, Leg[] legs)
    {
        if (table.Replace(tx, message, recipient, settings.Node, legs) is null) throw new InvalidOperationException("The claim was lost");
        return true;
    }

    private async Task<IncomingReport?> ReadAsync(QueuedMessage message, CancellationToken ct)
    {
        using var blob = await blobs.OpenAsync(message.Blob, ct)
            ?? throw new InvalidOperationException($"The blob of message {message.Name} is missing");
        if (blob.Length > IncomingReport.MessageOctetsMax) return IncomingReport.TooLarge;
        var octets = new byte[blob.Length];
        await blob.ReadAsync(0, octets, ct);
        return IncomingReport.Read(octets, MessageReader.Read(octets).Structure);
    }

    // The domain itself, or the nearest one above it.
    private async ValueTask<Domain?> HostedAsync(Domain domain, CancellationToken ct)
    {
        for (var name = domain; ;)
        {
            if (await book.IsLocalAsync(name, ct)) return name;
            var dot = name.Ascii.IndexOf('.', StringComparison.Ordinal);
            if (dot < 0) return null;
            name = Domain.Parse(name.Ascii[(dot + 1)..]);
        }
    }
}
