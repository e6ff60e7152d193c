using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>
/// Finds the mark of a message's author (draft-brand-indicators-for-message-identification §7): only for what DMARC has proven, of domains that
/// let nobody else use their name, and only marks that an authority vouches for.
/// </summary>
internal sealed class BimiVerifier(Resolver resolver, PublicSuffixes? suffixes, Indicators indicators)
{
    private readonly DmarcDiscovery _discovery = new(resolver, suffixes);

    /// <returns>Null when there is nothing to look for.</returns>
    public async ValueTask<BimiVerdict?> CheckAsync(FromVerdict from, DmarcVerdict dmarc, string selector, CancellationToken ct)
    {
        if (dmarc is not { Result: AuthResult.Pass, Record: { } record } || from.Domains is not [var author]) return null;
        if (!IsEnforced(record)) return null;
        var owner = dmarc.Organization.Length > 0 ? dmarc.Organization : author;
        // §7.1: the domain above must enforce its policy too.
        var above = owner == dmarc.PolicyDomain ? record : (await _discovery.FindAsync(owner, ct)).Record;
        if (above is null || !IsEnforced(above)) return null;
        var (domain, answer) = (author, await AskAsync(selector, author, ct));
        if (owner != author && answer.Status != DnsStatus.Failed && BimiRecord.Of(answer.Records) is null)
        {
            (domain, answer) = (owner, await AskAsync(selector, owner, ct));
        }
        if (answer.Status == DnsStatus.Failed)
        {
            return new BimiVerdict(AuthResult.TempError, domain, selector, answer.Failure ?? "the assertion could not be asked for");
        }
        if (!answer.Ok || BimiRecord.Of(answer.Records) is not { } assertion) return null;
        if (assertion.Declines) return new BimiVerdict(AuthResult.None, domain, selector, "the domain wants no indicator");
        if (assertion.Authority is not { } authority)
        {
            return new BimiVerdict(AuthResult.None, domain, selector, "nobody vouches for the indicator");
        }
        string[] names = [$"{selector}._bimi.{domain}", domain, .. owner == domain ? (string[])[] : [owner]];
        var (indicator, result, evidence) = await indicators.FindAsync(domain, selector, authority, names, ct);
        return new BimiVerdict(result, domain, selector, evidence) { Indicator = indicator };
    }

    private ValueTask<DnsAnswer<string>> AskAsync(string selector, string domain, CancellationToken ct) =>
        resolver.TxtAsync($"{selector}._bimi.{domain}", ct);

    // §7.1: quarantine for all of it, or reject.
    private static bool IsEnforced(DmarcRecord record) =>
        record is { Policy: not DmarcPolicy.None, SubdomainPolicy: not DmarcPolicy.None, IsTesting: false }
        && (record.Policy == DmarcPolicy.Reject || record.Percent == 100);
}
