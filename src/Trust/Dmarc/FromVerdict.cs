using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>What is odd about the author that a message names. Readers show one author, whichever their program picks.</summary>
[Flags]
public enum FromOddities
{
    None = 0,

    /// <summary>No From field, or none with an address.</summary>
    Missing = 1,

    /// <summary>Several From fields (RFC 5322 §3.6 allows one).</summary>
    SeveralFields = 2,

    /// <summary>Several addresses, which RFC 5322 allows and readers show badly.</summary>
    SeveralAddresses = 4,

    /// <summary>Group syntax (RFC 6854).</summary>
    Group = 8,

    /// <summary>A control character in the field.</summary>
    ControlCharacters = 16,

    /// <summary>The display name holds an address of another domain.</summary>
    NameLooksLikeAddress = 32,
}

/// <summary>Whom a message names as its author.</summary>
/// <param name="Addresses">Those of every From field.</param>
public sealed record FromVerdict(IReadOnlyList<EmailAddress> Addresses, FromOddities Oddities)
{
    /// <summary>The domains of the authors, each once.</summary>
    public IReadOnlyList<string> Domains { get; } = [.. Addresses.Select(static address => address.Domain.Ascii).Distinct(StringComparer.Ordinal)];

    /// <summary>Nobody writes such a field but to deceive, or by a broken program: no policy could be found for it.</summary>
    public bool IsForgery => (Oddities & (FromOddities.SeveralFields | FromOddities.ControlCharacters)) != 0;

    private static readonly char[] WordEnds = [' ', '\t', '<', '>', '(', ')', '"', '\'', ','];

    /// <param name="header">A message, or its header.</param>
    public static FromVerdict Of(ReadOnlySpan<byte> header)
    {
        var oddities = FromOddities.None;
        var fields = 0;
        foreach (var field in HeaderFields.Of(header))
        {
            if (!field.Is("from"u8)) continue;
            fields++;
            oddities |= Look(field.Value);
        }
        var addresses = HeaderScan.Mailboxes(header, "from"u8);
        if (addresses.Count == 0) oddities |= FromOddities.Missing;
        if (fields > 1) oddities |= FromOddities.SeveralFields;
        if (addresses.Count > 1) oddities |= FromOddities.SeveralAddresses;
        return new FromVerdict(addresses, oddities);
    }

    private static FromOddities Look(ReadOnlySpan<byte> value)
    {
        var oddities = FromOddities.None;
        if (value.Length > TrustLimits.FromOctetsMax) value = value[..TrustLimits.FromOctetsMax];
        foreach (var b in value)
        {
            if (b is < 0x20 and not (byte)'\t' and not (byte)'\r' and not (byte)'\n' or 0x7F) oddities |= FromOddities.ControlCharacters;
        }
        foreach (var address in HeaderScan.Written(value))
        {
            if (address.IsGroup) oddities |= FromOddities.Group;
            else if (ShowsOtherDomain(address.Name, address.Host)) oddities |= FromOddities.NameLooksLikeAddress;
        }
        return oddities;
    }

    private static bool ShowsOtherDomain(string name, string host)
    {
        foreach (var word in name.Split(WordEnds, StringSplitOptions.RemoveEmptyEntries))
        {
            if (!EmailAddress.TryParse(word, out var shown) || !shown.Domain.Ascii.Contains('.', StringComparison.Ordinal)) continue;
            if (!Core.Domain.TryParse(host, out var real) || real != shown.Domain) return true;
        }
        return false;
    }
}
