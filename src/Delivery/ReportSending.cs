using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>Sends the reports that others ask for: over our own queue like any mail, TLS reports over HTTPS as well.</summary>
internal sealed class ReportSending(
    DeliverySettings settings, MailDirectory directory, Intake intake, OutgoingReports reports, PolicyHttps https, TimeProvider time, ILogger log)
{
    /// <summary>Those that are due. What cannot be handed over is due again in an hour, for a day.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        await reports.PurgeAsync(ct);
        if (await SenderAsync(ct) is not { } sender) return;
        foreach (var (kind, domain) in await reports.DueAsync(ct))
        {
            var from = EmailAddress.Parse((kind == ReportKind.Tls ? ReportAddress.Tls : ReportAddress.Dmarc) + "@" + sender.Ascii);
            if (await reports.TakeAsync(kind, domain, from, ct) is not { } report) continue;
            var failures = 0;
            foreach (var destination in report.Destinations)
            {
                if (await HandOverAsync(report, from, destination, ct)) continue;
                failures++;
            }
            // One of several is enough: nobody gets a report twice because another server is down.
            if (failures < report.Destinations.Count) await reports.DoneAsync(kind, report.Day, domain, ct);
        }
    }

    /// <summary>Tells a domain of one message that failed.</summary>
    public async Task SendAsync(FailureNotice notice, CancellationToken ct)
    {
        if (await SenderAsync(ct) is not { } sender) return;
        var from = EmailAddress.Parse(ReportAddress.Dmarc + "@" + sender.Ascii);
        foreach (var to in await reports.RecipientsAsync(notice, ct))
        {
            var now = time.GetUtcNow();
            var id = Letter.NewName(now);
            var failure = await MailAsync(FailureMail.Write(notice, from, to, settings.Hostname, id, now), from, to, ct);
            if (failure is null) ReportLog.Sent(log, "failure." + id, to.ToString());
            else ReportLog.NotSent(log, "failure." + id, to.ToString(), failure);
        }
    }

    // The domain that this host belongs to, else the first: its own reports come back to the same addresses.
    private async ValueTask<Domain?> SenderAsync(CancellationToken ct)
    {
        var domains = (await directory.Domains.ListAsync(Authority.System, ct)).Where(static domain => domain.DisabledAt is null).ToList();
        var own = domains.Find(domain => settings.Hostname.Ascii.EndsWith("." + domain.Name.Ascii, StringComparison.Ordinal));
        return (own ?? domains.MinBy(static domain => domain.CreatedAt))?.Name;
    }

    private async Task<bool> HandOverAsync(DueReport report, EmailAddress from, ReportUri destination, CancellationToken ct)
    {
        var failure = destination.Https is { } address
            ? await https.PostAsync(address, report.Packed, report.MediaType, ct)
            : await MailAsync(ReportMail.Write(report, from, destination.Mail!, settings.Hostname, time.GetUtcNow()), from, destination.Mail!, ct);
        var to = destination.Https?.Host ?? destination.Mail!.ToString();
        if (failure is null) ReportLog.Sent(log, report.ReportId, to);
        else ReportLog.NotSent(log, report.ReportId, to, failure);
        return failure is null;
    }

    private async Task<string?> MailAsync(byte[] message, EmailAddress from, EmailAddress to, CancellationToken ct)
    {
        var resolved = await directory.AddressBook.ResolveAsync(to, ct);
        if (!resolved.TryGet(out var targets)) return resolved.Refusal!.Text;
        using var stream = new MemoryStream(message, writable: false);
        var envelope = new Envelope(new ReversePath(from), [new Recipient(to, targets)]);
        var taken = await intake.AcceptAsync(envelope, new Origin { IsOurs = true }, stream, ct);
        return taken.Refusal?.Text;
    }
}
