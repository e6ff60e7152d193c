using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>Which rules find a policy and the domain that owns it.</summary>
public enum DmarcRules
{
    /// <summary>The walk up the tree of names (RFC 9989 §4.10).</summary>
    TreeWalk,

    /// <summary>The list of public suffixes, and pct (RFC 7489 §6.6.3).</summary>
    PublicSuffixList,
}

/// <summary>The policy that holds for a domain, and the domain that owns it.</summary>
/// <param name="Record">Null when nobody has published one.</param>
/// <param name="RecordDomain">Where it stands; the domain itself without a record.</param>
/// <param name="Organization">RFC 9989 §4.10.2.</param>
internal sealed record DmarcFound(DmarcRecord? Record, string RecordDomain, string Organization, string? Failure = null);

/// <summary>Finds policies and organizational domains.</summary>
internal sealed class DmarcDiscovery(Resolver resolver, PublicSuffixes? suffixes)
{
    /// <summary>Never throws but for cancellation. <see cref="DmarcFound.Failure"/> is set when the name system did not answer.</summary>
    public ValueTask<DmarcFound> FindAsync(string domain, CancellationToken ct) =>
        suffixes is null ? WalkAsync(domain, ct) : ListAsync(domain, suffixes, ct);

    /// <summary>RFC 9989 §4.10: ask from the domain up; of a long name, not more than eight times.</summary>
    private async ValueTask<DmarcFound> WalkAsync(string domain, CancellationToken ct)
    {
        (string Name, DmarcRecord Record)? own = null, highest = null;
        var name = domain;
        for (var asked = 0; asked < TrustLimits.DmarcLookupsMax && name.Length > 0; asked++)
        {
            var (record, failure) = await AskAsync(name, ct);
            if (failure is not null) return new DmarcFound(null, domain, domain, failure);
            if (record is not null)
            {
                if (asked == 0) own = (name, record);
                if (record.PublicSuffix == DmarcSuffix.Yes && asked > 0)
                {
                    // RFC 9989 §4.10.2: the owner is one label below the suffix.
                    var organization = Below(domain, name);
                    var decides = own ?? (highest is { } at && at.Name == organization ? at : (name, record));
                    return new DmarcFound(decides.Record, decides.Name, organization);
                }
                highest = (name, record);
                if (record.PublicSuffix != DmarcSuffix.Unknown) break;
            }
            name = Parent(name, asked == 0);
        }
        return highest is not { } owner
            ? new DmarcFound(null, domain, domain) : new DmarcFound((own ?? owner).Record, (own ?? owner).Name, owner.Name);
    }

    /// <summary>RFC 7489 §6.6.3: the domain itself, then its organization.</summary>
    private async ValueTask<DmarcFound> ListAsync(string domain, PublicSuffixes list, CancellationToken ct)
    {
        var organization = list.Organization(domain);
        var (record, failure) = await AskAsync(domain, ct);
        var found = domain;
        if (record is null && failure is null && organization != domain)
        {
            (record, failure) = await AskAsync(organization, ct);
            found = organization;
        }
        return new DmarcFound(record, record is null ? domain : found, organization, failure);
    }

    private async ValueTask<(DmarcRecord? Record, string? Failure)> AskAsync(string name, CancellationToken ct)
    {
        var answer = await resolver.TxtAsync("_dmarc." + name, ct);
        if (answer.Status == DnsStatus.Failed) return (null, answer.Failure ?? $"the policy of {name} could not be asked for");
        string? only = null;
        foreach (var text in answer.Records)
        {
            if (!DmarcRecord.IsDmarc(text)) continue;
            if (only is not null) return (null, null); // several are none
            only = text;
        }
        return (only is not null && DmarcRecord.TryParse(only, out var record) ? record : null, null);
    }

    // A name of eight labels and more goes on with its last seven (RFC 9989 §4.10 step 4).
    private static string Parent(string name, bool first)
    {
        var labels = name.Split('.');
        var keep = first && labels.Length >= TrustLimits.DmarcLookupsMax ? TrustLimits.DmarcLookupsMax - 1 : labels.Length - 1;
        return string.Join('.', labels[^keep..]);
    }

    private static string Below(string domain, string suffix)
    {
        var rest = domain[..^(suffix.Length + 1)];
        return rest[(rest.LastIndexOf('.') + 1)..] + "." + suffix;
    }
}
