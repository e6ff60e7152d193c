using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <param name="Validated">Names of the client whose addresses hold it (RFC 7208 §5.5).</param>
/// <param name="IsVoid">It has no name at all.</param>
internal sealed record SpfNames(List<string> Validated, bool IsVoid);

/// <summary>Fills macros in (RFC 7208 §7.2 to §7.4).</summary>
internal sealed class SpfExpansion(Resolver resolver, SpfQuestion question)
{
    private const int NameCharsMax = 253;

    private SpfNames? _names;

    public static bool IsWithin(string name, string domain) =>
        name.Length == domain.Length ? name.Equals(domain, StringComparison.OrdinalIgnoreCase)
        : name.Length > domain.Length && name[^(domain.Length + 1)] == '.' && name.EndsWith(domain, StringComparison.OrdinalIgnoreCase);

    /// <summary>A name to ask for: what is too long loses labels on the left (RFC 7208 §7.3).</summary>
    public async ValueTask<string> DomainAsync(SpfMacroString macros, string domain, CancellationToken ct)
    {
        var name = (await TextAsync(macros, domain, ct)).TrimEnd('.');
        while (name.Length > NameCharsMax && name.IndexOf('.', StringComparison.Ordinal) is var dot and >= 0) name = name[(dot + 1)..];
        return name;
    }

    public async ValueTask<string> TextAsync(SpfMacroString macros, string domain, CancellationToken ct)
    {
        if (macros.Pieces is [{ Letter: '\0' } only]) return only.Literal;
        var text = new StringBuilder();
        foreach (var piece in macros.Pieces)
        {
            if (piece.Literal.Length > 0)
            {
                text.Append(piece.Literal);
                continue;
            }
            var value = Transform(await ValueAsync(piece.Letter, domain, ct), piece);
            text.Append(piece.Escaped ? Uri.EscapeDataString(value) : value);
        }
        return text.ToString();
    }

    /// <summary>The client's own names, asked for once.</summary>
    public async ValueTask<SpfNames> NamesAsync(CancellationToken ct)
    {
        if (_names is not null) return _names;
        var answer = await resolver.PtrAsync(question.Client, ct);
        var validated = new List<string>();
        foreach (var name in answer.Records.Take(TrustLimits.SpfNamesMax))
        {
            var addresses = await resolver.AddressesAsync(name, question.Client.AddressFamily, ct);
            if (addresses.Records.Contains(question.Client)) validated.Add(name);
        }
        return _names = new SpfNames(validated, answer.Status is DnsStatus.NoData or DnsStatus.NxDomain);
    }

    private async ValueTask<string> ValueAsync(char letter, string domain, CancellationToken ct) => letter switch
    {
        's' => $"{question.LocalPart}@{question.SenderDomain}",
        'l' => question.LocalPart,
        'o' => question.SenderDomain,
        'd' => domain,
        'i' => Dotted(question.Client),
        'p' => NameFor(domain, (await NamesAsync(ct)).Validated),
        'v' => question.Client.AddressFamily == AddressFamily.InterNetwork ? "in-addr" : "ip6",
        'h' => question.Helo,
        'c' => question.Client.ToString(),
        'r' => question.Receiver,
        _ => question.At.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
    };

    // The name that says most of the domain comes first.
    private static string NameFor(string domain, List<string> names) =>
        names.Find(name => name.Equals(domain, StringComparison.OrdinalIgnoreCase)) ?? names.Find(name => IsWithin(name, domain))
        ?? (names.Count > 0 ? names[0] : "unknown");

    private static string Dotted(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork
        ? address.ToString() : string.Join('.', Convert.ToHexString(address.GetAddressBytes()).AsEnumerable());

    private static string Transform(string value, SpfMacroPiece piece)
    {
        if (piece is { Labels: 0, Reversed: false, Delimiters: "." }) return value;
        var parts = value.Split(piece.Delimiters.ToCharArray());
        if (piece.Reversed) Array.Reverse(parts);
        return string.Join('.', piece.Labels == 0 ? parts : parts.AsEnumerable().TakeLast(piece.Labels));
    }
}
