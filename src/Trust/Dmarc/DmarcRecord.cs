using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Posthorn.Trust;

/// <summary>What a domain asks to be done with mail that is not its own (RFC 9989 §4.7).</summary>
public enum DmarcPolicy
{
    None,
    Quarantine,
    Reject,
}

/// <summary>Whether a domain is a public suffix, as it says itself (RFC 9989 §4.7, psd).</summary>
public enum DmarcSuffix
{
    /// <summary>psd=u, or nothing.</summary>
    Unknown,
    Yes,
    No,
}

/// <summary>A DMARC record (RFC 9989 §4.7, RFC 7489 §6.3).</summary>
public sealed record DmarcRecord
{
    public DmarcPolicy Policy { get; private init; }

    /// <summary>sp: of existing names below; null when <see cref="Policy"/> holds for them.</summary>
    public DmarcPolicy? SubdomainPolicy { get; private init; }

    /// <summary>np: of names below that do not exist.</summary>
    public DmarcPolicy? NonExistentPolicy { get; private init; }

    public bool StrictDkim { get; private init; }

    public bool StrictSpf { get; private init; }

    /// <summary>t=y: the policy is tried out.</summary>
    public bool IsTesting { get; private init; }

    public DmarcSuffix PublicSuffix { get; private init; }

    /// <summary>pct, of RFC 7489 only.</summary>
    public int Percent { get; private init; } = 100;

    /// <summary>fo, as written.</summary>
    public string FailureOptions { get; private init; } = "0";

    /// <summary>Where aggregate reports go.</summary>
    public IReadOnlyList<string> AggregateUris { get; private init; } = [];

    /// <summary>Where failure reports go.</summary>
    public IReadOnlyList<string> FailureUris { get; private init; } = [];

    /// <summary>RFC 9989 §4.7: the version comes first, or the record is none of DMARC.</summary>
    public static bool IsDmarc(string text)
    {
        var end = text.IndexOf(';', StringComparison.Ordinal);
        var first = (end < 0 ? text.AsSpan() : text.AsSpan(0, end)).Trim(" \t");
        if (first.IsEmpty || first[0] is not ('v' or 'V')) return false;
        first = first[1..].TrimStart(" \t");
        return !first.IsEmpty && first[0] == '=' && first[1..].TrimStart(" \t").SequenceEqual("DMARC1");
    }

    /// <summary>What is wrong in a tag leaves it at its default (RFC 9989 §4.7); without a policy and an address for reports there is none.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out DmarcRecord? record)
    {
        record = null;
        if (!IsDmarc(text) || !TagList.TryParse(text, out var tags)) return false;
        var aggregate = Uris(tags["rua"]);
        var policy = Policies(tags["p"]);
        // RFC 9989 §4.10.1, RFC 7489 §6.6.3: then it is p=none, as long as somebody wants reports.
        if (policy is null && aggregate.Count == 0) return false;
        record = new DmarcRecord
        {
            Policy = policy ?? DmarcPolicy.None,
            SubdomainPolicy = Policies(tags["sp"]),
            NonExistentPolicy = Policies(tags["np"]),
            StrictDkim = Is(tags["adkim"], "s"),
            StrictSpf = Is(tags["aspf"], "s"),
            IsTesting = Is(tags["t"], "y"),
            PublicSuffix = Is(tags["psd"], "y") ? DmarcSuffix.Yes : Is(tags["psd"], "n") ? DmarcSuffix.No : DmarcSuffix.Unknown,
            Percent = int.TryParse(tags["pct"], NumberStyles.None, CultureInfo.InvariantCulture, out var percent) && percent <= 100 ? percent : 100,
            FailureOptions = tags["fo"] ?? "0",
            AggregateUris = aggregate,
            FailureUris = Uris(tags["ruf"]),
        };
        return true;
    }

    private static bool Is(string? value, string word) => value is not null && value.Equals(word, StringComparison.OrdinalIgnoreCase);

    private static DmarcPolicy? Policies(string? value) => value?.ToLowerInvariant() switch
    {
        "none" => DmarcPolicy.None,
        "quarantine" => DmarcPolicy.Quarantine,
        "reject" => DmarcPolicy.Reject,
        _ => null,
    };

    private static List<string> Uris(string? value)
    {
        var uris = new List<string>();
        foreach (var uri in (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            // RFC 7489 §6.2: a size may follow; RFC 9989 passes over it.
            var end = uri.IndexOf('!', StringComparison.Ordinal);
            var bare = end < 0 ? uri : uri[..end];
            if (Uri.TryCreate(bare, UriKind.Absolute, out _) && uris.Count < TrustLimits.TagsMax) uris.Add(bare);
        }
        return uris;
    }
}
