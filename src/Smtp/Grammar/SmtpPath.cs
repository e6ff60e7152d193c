using System.Text;
using Posthorn.Core;

namespace Posthorn.Smtp;

internal enum PathForm : byte
{
    /// <summary><c>&lt;&gt;</c>: the sender of notifications, nobody as a recipient.</summary>
    Null,

    Mailbox,

    /// <summary><c>&lt;postmaster&gt;</c> without a domain (RFC 5321 §4.1.1.3).</summary>
    Postmaster,

    /// <summary>A mailbox at an address literal (RFC 5321 §4.1.3), which no address of ours can be.</summary>
    Literal,
}

/// <summary>What stood between angle brackets (RFC 5321 §4.1.2). A source route was there to be ignored (appendix C).</summary>
/// <param name="Address">Set for a mailbox only.</param>
/// <param name="Utf8">Written with octets beyond ASCII (RFC 6531 §3.3).</param>
internal readonly record struct SmtpPath(PathForm Form, EmailAddress? Address, bool Utf8)
{
    /// <param name="octets">Without the angle brackets.</param>
    public static bool TryParse(ReadOnlySpan<byte> octets, out SmtpPath path)
    {
        path = default;
        if (octets.IsEmpty) return true;
        if (octets[0] == '@' && !TryStripRoute(ref octets)) return false;
        Span<char> text = stackalloc char[SmtpLimits.PathOctetsMax];
        if (octets.Length > text.Length || !System.Text.Unicode.Utf8.IsValid(octets)) return false;
        text = text[..Encoding.UTF8.GetChars(octets, text)];
        var utf8 = !Ascii.IsValid(octets);
        if (text.Equals("postmaster", StringComparison.OrdinalIgnoreCase))
        {
            path = new SmtpPath(PathForm.Postmaster, null, false);
            return true;
        }
        if (text is [.., ']'] && text.LastIndexOf("@[") > 0)
        {
            path = new SmtpPath(PathForm.Literal, null, utf8);
            return true;
        }
        if (!EmailAddress.TryParse(text, out var address)) return false;
        path = new SmtpPath(PathForm.Mailbox, address, utf8);
        return true;
    }

    // A-d-l ":", as in <@relay.example,@other.example:ann@example.org>.
    private static bool TryStripRoute(ref ReadOnlySpan<byte> octets)
    {
        var end = octets.IndexOf((byte)':');
        if (end < 0 || octets[..end].ContainsAnyExcept(SmtpGrammar.RouteBytes)) return false;
        octets = octets[(end + 1)..];
        return !octets.IsEmpty;
    }
}
