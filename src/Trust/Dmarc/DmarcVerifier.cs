using System.Net;
using System.Security.Cryptography;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>What DMARC says of a message (RFC 9989 §5.3).</summary>
/// <param name="Domain">The author's domain whose policy decided; empty without one.</param>
/// <param name="Policy">What the domain asks for when the result is fail: already lowered where it only tries its policy out.</param>
/// <param name="PolicyDomain">Where the record stands.</param>
/// <param name="Evidence">What is aligned, or why nothing is.</param>
public sealed record DmarcVerdict(AuthResult Result, string Domain, DmarcPolicy Policy, string PolicyDomain, string Evidence)
{
    /// <summary>The record; null without one.</summary>
    public DmarcRecord? Record { get; init; }

    /// <summary>RFC 9989 §4.10.2.</summary>
    public string Organization { get; init; } = "";

    public bool DkimAligned { get; init; }

    public bool SpfAligned { get; init; }
}

/// <summary>Compares the author's domain with what SPF and DKIM have proven (RFC 9989 §4.4, §5.3).</summary>
/// <param name="suffixes">For the rules of RFC 7489; null for the walk up the tree.</param>
public sealed class DmarcVerifier(Resolver resolver, PublicSuffixes? suffixes = null)
{
    private readonly DmarcDiscovery _discovery = new(resolver, suffixes);

    /// <param name="mailFrom">SPF's verdict of the reverse-path, or of the greeting when that is null.</param>
    public async ValueTask<DmarcVerdict> CheckAsync(
        FromVerdict from, SpfVerdict? mailFrom, IReadOnlyList<DkimVerdict> dkim, CancellationToken ct = default)
    {
        if (from.IsForgery) return new(AuthResult.PermError, "", DmarcPolicy.None, "", $"From: {from.Oddities}");
        if (from.Domains.Count == 0) return new(AuthResult.None, "", DmarcPolicy.None, "", "From names no domain");
        if (from.Domains.Count > TrustLimits.AuthorDomainsMax) return new(AuthResult.PermError, "", DmarcPolicy.None, "",
            "From names too many domains");
        // RFC 7489 §6.6.1: of several authors, the one whose policy asks for most decides.
        DmarcVerdict? worst = null;
        foreach (var domain in from.Domains)
        {
            var verdict = await CheckAsync(domain, mailFrom, dkim, ct);
            if (worst is null || Weight(verdict) > Weight(worst)) worst = verdict;
        }
        return worst!;
    }

    private static int Weight(DmarcVerdict verdict) => verdict.Result switch
    {
        AuthResult.Fail => 10 + (int)verdict.Policy,
        AuthResult.TempError => 5,
        AuthResult.None => 1,
        _ => 0,
    };

    private async ValueTask<DmarcVerdict> CheckAsync(string domain, SpfVerdict? spf, IReadOnlyList<DkimVerdict> dkim, CancellationToken ct)
    {
        var found = await _discovery.FindAsync(domain, ct);
        if (found.Failure is not null) return new(AuthResult.TempError, domain, DmarcPolicy.None, domain, found.Failure);
        if (found.Record is not { } record) return new(AuthResult.None, domain, DmarcPolicy.None, domain, $"{domain} has no policy");
        var spfAligned = spf is { Result: AuthResult.Pass } && await IsAlignedAsync(spf.Domain, domain, found, record.StrictSpf, ct);
        string? signer = null;
        var undecided = spf is { Result: AuthResult.TempError } && await IsAlignedAsync(spf.Domain, domain, found, record.StrictSpf, ct);
        foreach (var signature in dkim)
        {
            if (signature.Result is not (AuthResult.Pass or AuthResult.TempError)) continue;
            if (!await IsAlignedAsync(signature.Domain, domain, found, record.StrictDkim, ct)) continue;
            if (signature.Result == AuthResult.Pass) signer ??= signature.Domain;
            else undecided = true;
        }
        var result = signer is not null || spfAligned ? AuthResult.Pass : undecided ? AuthResult.TempError : AuthResult.Fail;
        var evidence = result switch
        {
            AuthResult.Pass => signer is not null ? $"DKIM by {signer}" : $"SPF of {spf!.Domain}",
            AuthResult.TempError => "what could be aligned could not be checked",
            _ => $"neither SPF nor DKIM is aligned with {domain}",
        };
        var policy = result == AuthResult.Fail ? await PolicyAsync(domain, found, record, ct) : DmarcPolicy.None;
        return new(result, domain, policy, found.RecordDomain, evidence)
        {
            Record = record,
            Organization = found.Organization,
            DkimAligned = signer is not null,
            SpfAligned = spfAligned,
        };
    }

    /// <summary>RFC 9989 §4.4.</summary>
    private async ValueTask<bool> IsAlignedAsync(string proven, string author, DmarcFound found, bool strict, CancellationToken ct)
    {
        if (proven.Equals(author, StringComparison.OrdinalIgnoreCase)) return true;
        if (strict || !SpfExpansion.IsWithin(proven, found.Organization)) return false;
        return (await _discovery.FindAsync(proven.ToLowerInvariant(), ct)).Organization == found.Organization;
    }

    private async ValueTask<DmarcPolicy> PolicyAsync(string domain, DmarcFound found, DmarcRecord record, CancellationToken ct)
    {
        var policy = record.Policy;
        if (found.RecordDomain != domain)
        {
            policy = record.SubdomainPolicy ?? record.Policy;
            if (suffixes is null && record.NonExistentPolicy is { } missing && missing != policy && !await ExistsAsync(domain, ct)) policy = missing;
        }
        if (suffixes is null) return record.IsTesting && policy != DmarcPolicy.None ? policy - 1 : policy; // RFC 9989 §4.7, t
        // RFC 7489 §6.6.4
        return policy != DmarcPolicy.None && record.Percent < 100 && RandomNumberGenerator.GetInt32(100) >= record.Percent ? policy - 1 : policy;
    }

    /// <summary>RFC 9989 §3.2.13: no MX, A or AAAA record.</summary>
    private async ValueTask<bool> ExistsAsync(string domain, CancellationToken ct)
    {
        var exchanges = await resolver.MxAsync(domain, ct);
        if (exchanges.Status is DnsStatus.Ok or DnsStatus.Failed) return true;
        DnsAnswer<IPAddress> addresses = await resolver.AddressesAsync(domain, ct);
        return addresses.Status is DnsStatus.Ok or DnsStatus.Failed;
    }
}
