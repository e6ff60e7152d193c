using System.Net;
using Posthorn.Core;

namespace Posthorn.Trust;

/// <summary>What DMARC made of one message from a domain that asks for reports.</summary>
/// <param name="Domain">Where the policy was found.</param>
/// <param name="Policy">As it was found.</param>
/// <param name="Destinations">The <c>rua</c> tag.</param>
/// <param name="Record">The message; its count is 1.</param>
public sealed record DmarcObservation(Domain Domain, PublishedPolicy Policy, string Destinations, AggregateRecord Record)
{
    /// <summary>Null when the author's domain asks for no reports.</summary>
    /// <param name="mailFrom">The reverse-path; empty for the null path.</param>
    /// <param name="disposition">What became of the message.</param>
    /// <param name="otherwise">Why that is not what the policy says; null when it is.</param>
    public static DmarcObservation? Of(MailVerdicts verdicts, IPAddress client, string mailFrom, Disposition disposition, string? otherwise)
    {
        if (verdicts.Dmarc is not { Record: { AggregateUris.Count: > 0 } record } dmarc) return null;
        if (!Core.Domain.TryParse(dmarc.PolicyDomain, out var domain)) return null;
        var source = client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client;
        var row = new AggregateRecord(source.ToString(), 1, disposition, dmarc.DkimAligned, dmarc.SpfAligned, dmarc.Domain)
        {
            EnvelopeFrom = mailFrom.LastIndexOf('@') is >= 0 and var at ? ReportText.Domain(mailFrom[(at + 1)..]) : null,
            Reasons = otherwise is null ? [] : [new OverrideReason("local_policy", otherwise)],
            DkimResults =
            [
                .. verdicts.Dkim.Take(ReportLimits.ResultsPerRecordMax)
                    .Select(static one => new ReportedDkim(ReportText.Domain(one.Domain), ReportText.OrNull(one.Selector), one.Result.Keyword())),
            ],
            SpfResults =
            [
                .. verdicts.Spf.Take(ReportLimits.ResultsPerRecordMax).Select(static one => new ReportedSpf(
                    ReportText.Domain(one.Domain), one.Identity == SpfIdentity.Helo ? "helo" : "mfrom", one.Result.Keyword())),
            ],
        };
        var policy = new PublishedPolicy(domain.Ascii)
        {
            P = Word(record.Policy),
            Sp = record.SubdomainPolicy is { } below ? Word(below) : null,
            Np = record.NonExistentPolicy is { } missing ? Word(missing) : null,
            Adkim = record.StrictDkim ? "s" : "r",
            Aspf = record.StrictSpf ? "s" : "r",
            Fo = record.FailureOptions,
            Testing = record.IsTesting ? "y" : "n",
        };
        return new DmarcObservation(domain, policy, string.Join(',', record.AggregateUris), row);
    }

    private static string Word(DmarcPolicy policy) => policy.ToString().ToLowerInvariant();
}
