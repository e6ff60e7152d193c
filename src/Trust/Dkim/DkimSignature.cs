using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Posthorn.Trust;

internal enum SigningAlgorithm
{
    RsaSha256,
    Ed25519Sha256,
}

/// <summary>What both DKIM-Signature (RFC 6376 §3.5) and ARC-Message-Signature (RFC 8617 §4.1.2) say.</summary>
internal sealed record DkimSignature
{
    private const int DigitsMax = 15;

    public required string Domain { get; init; }

    public required string Selector { get; init; }

    public required SigningAlgorithm Algorithm { get; init; }

    public required byte[] Signature { get; init; }

    public required byte[] BodyHash { get; init; }

    public bool RelaxedHeader { get; init; }

    public bool RelaxedBody { get; init; }

    /// <summary>In lower case.</summary>
    public required IReadOnlyList<string> SignedFields { get; init; }

    public long? BodyLength { get; init; }

    public DateTimeOffset? SignedAt { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The i tag, or what stands for it.</summary>
    public required string Identity { get; init; }

    /// <summary>Reads the value of a field.</summary>
    /// <param name="arc">i is the number of the set, and there is no version (RFC 8617 §4.1.2).</param>
    /// <param name="fault">What is wrong, and which of RFC 8601's words that is.</param>
    public static bool TryParse(
        string value, bool arc, [NotNullWhen(true)] out DkimSignature? signature, out (AuthResult Result, string Reason) fault)
    {
        signature = null;
        fault = (AuthResult.Neutral, "the signature is no list of tags");
        if (!TagList.TryParse(value, out var tags)) return false;
        if (Fault(tags, arc) is { } wrong)
        {
            fault = wrong;
            return false;
        }
        var domain = ALabels(tags["d"]!);
        var canonicalizations = (tags["c"] ?? (arc ? "relaxed/relaxed" : "simple/simple")).ToLowerInvariant().Split('/');
        signature = new DkimSignature
        {
            Domain = domain,
            Selector = ALabels(tags["s"]!),
            Algorithm = tags["a"]!.Equals("rsa-sha256", StringComparison.OrdinalIgnoreCase)
                ? SigningAlgorithm.RsaSha256 : SigningAlgorithm.Ed25519Sha256,
            Signature = tags.Octets("b")!,
            BodyHash = tags.Octets("bh")!,
            RelaxedHeader = canonicalizations[0] == "relaxed",
            RelaxedBody = canonicalizations.Length > 1 && canonicalizations[1] == "relaxed",
            SignedFields = TagList.Words(tags["h"]!),
            BodyLength = TryNumber(tags["l"], out var length) ? length : null,
            SignedAt = TryNumber(tags["t"], out var at) ? Time(at) : null,
            ExpiresAt = TryNumber(tags["x"], out var until) ? Time(until) : null,
            Identity = arc ? "" : tags["i"] is { } identity ? WithALabels(identity) : "@" + domain,
        };
        return true;
    }

    /// <summary>The field with the value of its b tag taken out, as it was when it was signed (RFC 6376 §3.7).</summary>
    public static byte[] WithoutSignature(ReadOnlySpan<byte> field)
    {
        var at = field.IndexOf((byte)':') + 1;
        while (at < field.Length)
        {
            var end = field[at..].IndexOf((byte)';');
            end = end < 0 ? field.Length : at + end;
            var spec = field[at..end];
            var equals = spec.IndexOf((byte)'=');
            if (equals >= 0 && spec[..equals].Trim(" \t\r\n"u8).SequenceEqual("b"u8)) return [.. field[..(at + equals + 1)], .. field[end..]];
            at = end + 1;
        }
        return field.ToArray();
    }

    private static (AuthResult, string)? Fault(TagList tags, bool arc)
    {
        foreach (var required in (ReadOnlySpan<string>)["a", "b", "bh", "d", "h", "s"])
        {
            // RFC 8617 says nothing of a list that is empty, and the published suite takes one.
            if (tags[required] is not { } value || (value.Length == 0 && !(arc && required == "h")))
            {
                return (AuthResult.Neutral, $"the tag {required} is missing");
            }
        }
        if (!arc && tags["v"] != "1") return (AuthResult.Neutral, "the version is not 1");
        var algorithm = tags["a"]!.ToLowerInvariant();
        if (algorithm == "rsa-sha1") return (AuthResult.Policy, "SHA-1 proves nothing any more"); // RFC 8301 §3.1
        if (algorithm is not ("rsa-sha256" or "ed25519-sha256")) return (AuthResult.Neutral, "the algorithm is not known");
        if (tags.Octets("b") is null || tags.Octets("bh") is null) return (AuthResult.Neutral, "a hash or signature is no base64");
        // An underscore may stand in a selector's name, and does.
        if (!Posthorn.Core.Domain.TryParse(tags["d"], out _)) return (AuthResult.Neutral, "the domain is no name");
        if (!IsSelector(ALabels(tags["s"]!))) return (AuthResult.Neutral, "the selector is no name");
        if (!IsCanonicalization(tags["c"])) return (AuthResult.Neutral, "the canonicalization is not known");
        if (tags["q"] is { } query && !TagList.Words(query).Contains("dns/txt")) return (AuthResult.Neutral, "the key is not in the name system");
        var names = TagList.Words(tags["h"]!);
        if (names.Length > TrustLimits.SignedFieldsMax || names.Any(name => !IsFieldName(name, arc)))
        {
            return (AuthResult.Neutral, "the list of signed fields is none");
        }
        // RFC 6376 §5.4, §6.1.1
        if (!arc && !names.Contains("from")) return (AuthResult.PermError, "From is not signed");
        if (arc && names.Contains("arc-seal")) return (AuthResult.PermError, "ARC-Seal is signed"); // RFC 8617 §4.1.2
        return NumbersFault(tags) ?? (arc ? null : IdentityFault(tags));
    }

    private static (AuthResult, string)? NumbersFault(TagList tags)
    {
        foreach (var name in (ReadOnlySpan<string>)["l", "t", "x"])
        {
            if (tags[name] is { } number && !TryNumber(number, out _)) return (AuthResult.Neutral, $"the tag {name} is no number");
        }
        return TryNumber(tags["t"], out var from) && TryNumber(tags["x"], out var until) && until < from
            ? (AuthResult.Neutral, "it expires before it was made") : null;
    }

    // RFC 6376 §3.5: i is within d.
    private static (AuthResult, string)? IdentityFault(TagList tags)
    {
        if (tags["i"] is not { } identity) return null;
        var at = identity.LastIndexOf('@');
        var isWithin = at >= 0 && SpfExpansion.IsWithin(ALabels(identity[(at + 1)..]), ALabels(tags["d"]!));
        return isWithin ? null : (AuthResult.PermError, "the identity is not of the domain");
    }

    // RFC 8616 §5: an internationalized message may write its names in U-labels; keys are asked for in A-labels.
    private static string ALabels(string name) =>
        !Ascii.IsValid(name) && Posthorn.Core.Domain.TryParse(name, out var domain) ? domain.Ascii : name.ToLowerInvariant();

    private static string WithALabels(string identity)
    {
        var at = identity.LastIndexOf('@');
        return at < 0 ? identity : identity[..(at + 1)] + ALabels(identity[(at + 1)..]);
    }

    private static bool IsSelector(string name)
    {
        if (name.Length > Posthorn.Core.Domain.OctetsMax) return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) return false;
        }
        return true;
    }

    private static bool IsCanonicalization(string? value)
    {
        if (value is null) return true;
        var parts = value.ToLowerInvariant().Split('/');
        return parts.Length <= 2 && parts.All(static part => part is "simple" or "relaxed");
    }

    private static bool IsFieldName(string name, bool arc)
    {
        foreach (var c in name)
        {
            if (c is <= ' ' or >= '\x7F') return false;
        }
        return name.Length <= TrustLimits.FieldNameOctetsMax && (arc || name.Length > 0);
    }

    // Beyond fifteen digits a time or a length is as good as none.
    private static bool TryNumber(string? text, out long number)
    {
        number = 0;
        if (string.IsNullOrEmpty(text) || text.Length > 76 || text.AsSpan().ContainsAnyExceptInRange('0', '9')) return false;
        if (!long.TryParse(text.TrimStart('0').PadLeft(1, '0') is { Length: <= DigitsMax } few ? few : "999999999999999",
            NumberStyles.None, CultureInfo.InvariantCulture, out number)) return false;
        return true;
    }

    private static DateTimeOffset Time(long seconds) => DateTimeOffset.FromUnixTimeSeconds(Math.Min(seconds, 253_402_300_799));
}
