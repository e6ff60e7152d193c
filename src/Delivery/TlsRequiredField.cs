using System.Text;
using Posthorn.Mime;

namespace Posthorn.Delivery;

/// <summary>The header field by which a sender asks that nobody's TLS policy keeps the message away (RFC 8689 §3).</summary>
internal static class TlsRequiredField
{
    /// <summary>What MAIL asked for, and what the header asks for where MAIL did not say REQUIRETLS (RFC 8689 §4.1).</summary>
    /// <param name="head">The beginning of the message.</param>
    public static MailParameters Apply(MailParameters parameters, MessageSummary summary, ReadOnlySpan<byte> head)
    {
        if (parameters.RequireTls || !new StructureView(summary.Structure).Headers.TryFind("tls-required"u8, out var place)) return parameters;
        if (place.Offset + place.Length > head.Length) return parameters;
        var field = head.Slice((int)place.Offset, place.Length);
        var value = field[(field.IndexOf((byte)':') + 1)..].Trim(" \t\r\n"u8);
        return Ascii.EqualsIgnoreCase(value, "no"u8) ? parameters with { IgnoreTlsPolicy = true } : parameters;
    }
}
