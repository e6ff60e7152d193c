using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Posthorn.Trust;

internal enum SpfMechanism
{
    All,
    Include,
    A,
    Mx,
    Ptr,
    Ip4,
    Ip6,
    Exists,
}

/// <summary>One directive: what it gives when it matches, and what it matches (RFC 7208 §4.6.1, §5).</summary>
/// <param name="Text">As it stands in the record.</param>
/// <param name="Target">The domain-spec; null for the domain that is checked.</param>
/// <param name="Network">Of ip4 and ip6.</param>
internal sealed record SpfDirective(
    string Text, AuthResult Result, SpfMechanism Mechanism, SpfMacroString? Target, IPAddress? Network, int Prefix4, int Prefix6);

/// <summary>An SPF record, whole and without a fault (RFC 7208 §4.6: errors anywhere are errors).</summary>
internal sealed class SpfRecord
{
    private static readonly SearchValues<char> AddressChars = SearchValues.Create("0123456789abcdefABCDEF.:");

    private readonly List<SpfDirective> _directives = [];

    private SpfRecord()
    {
    }

    public IReadOnlyList<SpfDirective> Directives => _directives;

    public SpfMacroString? Redirect { get; private set; }

    public SpfMacroString? Explanation { get; private set; }

    /// <summary>RFC 7208 §4.5: whether a TXT record is one of SPF at all.</summary>
    public static bool IsSpf(string text) =>
        text.StartsWith("v=spf1", StringComparison.OrdinalIgnoreCase) && (text.Length == 6 || text[6] == ' ');

    /// <param name="wrong">The term that is none.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out SpfRecord? record, out string wrong)
    {
        (record, wrong) = (null, "");
        if (!IsSpf(text) || text.Length > TrustLimits.SpfRecordCharsMax)
        {
            wrong = "the record is too long";
            return false;
        }
        var read = new SpfRecord();
        foreach (var range in text.AsSpan(6).Split(' '))
        {
            var term = text.AsSpan(6)[range];
            if (term.IsEmpty || read.Take(term)) continue;
            wrong = term.ToString();
            return false;
        }
        record = read;
        return true;
    }

    private bool Take(ReadOnlySpan<char> term)
    {
        // A modifier has a name up to '='; a mechanism's ends at ':' or '/'.
        var end = term.IndexOfAny("=:/");
        return end >= 0 && term[end] == '=' ? TakeModifier(term[..end], term[(end + 1)..]) : TakeDirective(term);
    }

    private bool TakeModifier(ReadOnlySpan<char> name, ReadOnlySpan<char> value)
    {
        if (name.Equals("redirect", StringComparison.OrdinalIgnoreCase))
        {
            if (Redirect is not null || !SpfMacroString.TryParseDomain(value, out var redirect)) return false; // RFC 7208 §6
            Redirect = redirect;
            return true;
        }
        if (name.Equals("exp", StringComparison.OrdinalIgnoreCase))
        {
            if (Explanation is not null || !SpfMacroString.TryParseDomain(value, out var explanation)) return false;
            Explanation = explanation;
            return true;
        }
        if (name.IsEmpty || !char.IsAsciiLetter(name[0])) return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) return false;
        }
        return SpfMacroString.TryParse(value, out _);
    }

    private bool TakeDirective(ReadOnlySpan<char> term)
    {
        var result = term[0] switch { '-' => AuthResult.Fail, '~' => AuthResult.SoftFail, '?' => AuthResult.Neutral, _ => AuthResult.Pass };
        var body = term[0] is '+' or '-' or '~' or '?' ? term[1..] : term;
        var end = body.IndexOfAny(":/");
        var name = end < 0 ? body : body[..end];
        var rest = end < 0 ? default : body[end..];
        if (!TryMechanism(name, out var mechanism)) return false;
        var text = term.ToString();
        var directive = mechanism switch
        {
            SpfMechanism.All => rest.IsEmpty ? new SpfDirective(text, result, mechanism, null, null, 0, 0) : null,
            SpfMechanism.Ip4 or SpfMechanism.Ip6 => Network(text, result, mechanism, rest),
            SpfMechanism.A or SpfMechanism.Mx => Host(text, result, mechanism, rest),
            _ => Named(text, result, mechanism, rest, needed: mechanism != SpfMechanism.Ptr),
        };
        if (directive is null) return false;
        _directives.Add(directive);
        return true;
    }

    private static bool TryMechanism(ReadOnlySpan<char> name, out SpfMechanism mechanism)
    {
        Span<char> lower = stackalloc char[8];
        mechanism = default;
        if (name.IsEmpty || name.Length > lower.Length) return false;
        name.ToLowerInvariant(lower);
        SpfMechanism? found = lower[..name.Length] switch
        {
            "all" => SpfMechanism.All,
            "include" => SpfMechanism.Include,
            "a" => SpfMechanism.A,
            "mx" => SpfMechanism.Mx,
            "ptr" => SpfMechanism.Ptr,
            "ip4" => SpfMechanism.Ip4,
            "ip6" => SpfMechanism.Ip6,
            "exists" => SpfMechanism.Exists,
            _ => null,
        };
        mechanism = found ?? default;
        return found is not null;
    }

    private static SpfDirective? Named(string text, AuthResult result, SpfMechanism mechanism, ReadOnlySpan<char> rest, bool needed)
    {
        if (rest.IsEmpty) return needed ? null : new SpfDirective(text, result, mechanism, null, null, 32, 128);
        return rest[0] == ':' && SpfMacroString.TryParseDomain(rest[1..], out var target)
            ? new SpfDirective(text, result, mechanism, target, null, 32, 128) : null;
    }

    // [":" domain-spec] ["/" length of IPv4] ["//" length of IPv6]; a domain-spec may have slashes of its own.
    private static SpfDirective? Host(string text, AuthResult result, SpfMechanism mechanism, ReadOnlySpan<char> rest)
    {
        var (four, six) = (32, 128);
        if (rest.LastIndexOf("//") is var two and >= 0 && IsDigits(rest[(two + 2)..]))
        {
            if (!TryPrefix(rest[(two + 2)..], 128, out six)) return null;
            rest = rest[..two];
        }
        if (rest.LastIndexOf('/') is var one and >= 0 && IsDigits(rest[(one + 1)..]))
        {
            if (!TryPrefix(rest[(one + 1)..], 32, out four)) return null;
            rest = rest[..one];
        }
        if (Named(text, result, mechanism, rest, needed: false) is not { } named) return null;
        return named with { Prefix4 = four, Prefix6 = six };
    }

    private static SpfDirective? Network(string text, AuthResult result, SpfMechanism mechanism, ReadOnlySpan<char> rest)
    {
        if (rest.Length < 2 || rest[0] != ':') return null;
        var family = mechanism == SpfMechanism.Ip4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var longest = mechanism == SpfMechanism.Ip4 ? 32 : 128;
        var slash = rest.IndexOf('/');
        var prefix = longest;
        if (slash >= 0 && !TryPrefix(rest[(slash + 1)..], longest, out prefix)) return null;
        var address = slash < 0 ? rest[1..] : rest[1..slash];
        if (address.ContainsAnyExcept(AddressChars)) return null;
        if (family == AddressFamily.InterNetwork && !IsDottedQuad(address)) return null;
        return IPAddress.TryParse(address, out var network) && network.AddressFamily == family
            ? new SpfDirective(text, result, mechanism, null, network, prefix, prefix) : null;
    }

    private static bool IsDottedQuad(ReadOnlySpan<char> address)
    {
        var parts = 0;
        foreach (var range in address.Split('.'))
        {
            if (!TryPrefix(address[range], 255, out _) || ++parts > 4) return false;
        }
        return parts == 4;
    }

    private static bool IsDigits(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExceptInRange('0', '9');

    // No leading zeros.
    private static bool TryPrefix(ReadOnlySpan<char> text, int max, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= max && (text.Length == 1 || text[0] != '0');
}
