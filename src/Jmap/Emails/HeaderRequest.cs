using System.Collections.Frozen;

namespace Posthorn.Jmap;

/// <summary>The parsed forms of header fields (RFC 8621 §4.1.2).</summary>
internal enum HeaderForm
{
    Raw,
    Text,
    Addresses,
    GroupedAddresses,
    MessageIds,
    Date,
    URLs,
}

/// <summary>A property <c>header:Name:asForm:all</c> (RFC 8621 §4.1.3).</summary>
/// <param name="Property">As the client wrote it.</param>
/// <param name="Field">The field's name, as the client wrote it.</param>
internal sealed record HeaderRequest(string Property, string Field, HeaderForm Form, bool All)
{
    public const string Prefix = "header:";

    // RFC 5322 §3.6 and RFC 2369: fields with a form of their own. Every other field may be read in every form.
    private static readonly FrozenDictionary<string, HeaderForm[]> Forms = new Dictionary<string, HeaderForm[]>(StringComparer.OrdinalIgnoreCase)
    {
        ["Subject"] = [HeaderForm.Text],
        ["Comments"] = [HeaderForm.Text],
        ["Keywords"] = [HeaderForm.Text],
        ["From"] = Addresses,
        ["Sender"] = Addresses,
        ["Reply-To"] = Addresses,
        ["To"] = Addresses,
        ["Cc"] = Addresses,
        ["Bcc"] = Addresses,
        ["Resent-From"] = Addresses,
        ["Resent-Sender"] = Addresses,
        ["Resent-Reply-To"] = Addresses,
        ["Resent-To"] = Addresses,
        ["Resent-Cc"] = Addresses,
        ["Resent-Bcc"] = Addresses,
        ["Message-ID"] = [HeaderForm.MessageIds],
        ["In-Reply-To"] = [HeaderForm.MessageIds],
        ["References"] = [HeaderForm.MessageIds],
        ["Resent-Message-ID"] = [HeaderForm.MessageIds],
        ["Date"] = [HeaderForm.Date],
        ["Resent-Date"] = [HeaderForm.Date],
        ["List-Help"] = [HeaderForm.URLs],
        ["List-Unsubscribe"] = [HeaderForm.URLs],
        ["List-Subscribe"] = [HeaderForm.URLs],
        ["List-Post"] = [HeaderForm.URLs],
        ["List-Owner"] = [HeaderForm.URLs],
        ["List-Archive"] = [HeaderForm.URLs],
        ["Return-Path"] = [],
        ["Received"] = [],
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private static HeaderForm[] Addresses => [HeaderForm.Addresses, HeaderForm.GroupedAddresses];

    /// <summary>Null when the property is no header property, or one that is not allowed.</summary>
    public static HeaderRequest? TryParse(string property)
    {
        if (!property.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        var parts = property[Prefix.Length..].Split(':');
        var field = parts[0];
        if (field.Length == 0 || field.Any(static c => c is < '!' or > '~')) return null;
        var rest = parts.AsSpan(1);
        var form = HeaderForm.Raw;
        if (rest.Length > 0 && rest[0].StartsWith("as", StringComparison.Ordinal))
        {
            if (!Enum.TryParse(rest[0][2..], out form) || form.ToString() != rest[0][2..]) return null;
            rest = rest[1..];
        }
        var all = rest.Length > 0 && rest[0] == "all";
        if (rest.Length > (all ? 1 : 0)) return null;
        return form == HeaderForm.Raw || !Forms.TryGetValue(field, out var allowed) || allowed.Contains(form)
            ? new HeaderRequest(property, field, form, all) : null;
    }
}
