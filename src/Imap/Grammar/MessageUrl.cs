using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>The relative form of an IMAP URL that names a message or a part of one (RFC 5092 §5).</summary>
/// <param name="Mailbox">Null for the selected one.</param>
internal sealed record MessageUrl(string? Mailbox, uint? UidValidity, uint Uid, BodySection Section)
{
    // "/" [enc-mailbox [";UIDVALIDITY=" n] "/"] ";UID=" n ["/;SECTION=" enc-section] ["/;PARTIAL=" n ["." n]]
    public static bool TryParse(string url, [NotNullWhen(true)] out MessageUrl? parsed)
    {
        parsed = null;
        var at = url.IndexOf(";UID=", StringComparison.OrdinalIgnoreCase);
        if (at < 0 || (at > 0 && url[at - 1] != '/')) return false;
        if (!TryMailbox(url.AsSpan(0, at), out var mailbox, out var uidValidity)) return false;
        var rest = url.AsSpan(at + 5);
        var slash = rest.IndexOf('/');
        if (!TryNumber(slash < 0 ? rest : rest[..slash], out var uid) || uid > uint.MaxValue) return false;
        rest = slash < 0 ? default : rest[slash..];
        var section = "";
        if (TryParameter(ref rest, "/;SECTION=", out var encoded) && !TryDecode(encoded, out section)) return false;
        (long First, long Count)? partial = null;
        if (TryParameter(ref rest, "/;PARTIAL=", out var range))
        {
            if (!TryPartial(range, out var octets)) return false;
            partial = octets;
        }
        if (rest is not ("" or "/")) return false;
        if (!FetchGrammar.TrySection(Encoding.UTF8.GetBytes(section), out var body)) return false;
        if (partial is { } some) body = body with { Offset = some.First, Count = some.Count };
        parsed = new MessageUrl(mailbox, uidValidity, (uint)uid, body);
        return true;
    }

    private static bool TryMailbox(ReadOnlySpan<char> head, out string? mailbox, out uint? uidValidity)
    {
        (mailbox, uidValidity) = (null, null);
        head = head.Trim('/');
        if (head.IsEmpty) return true;
        var validity = head.IndexOf(";UIDVALIDITY=", StringComparison.OrdinalIgnoreCase);
        if (validity >= 0)
        {
            if (!TryNumber(head[(validity + 13)..], out var number) || number > uint.MaxValue) return false;
            uidValidity = (uint)number;
            head = head[..validity];
        }
        if (head.IsEmpty || !TryDecode(head, out var name)) return false;
        mailbox = MailboxName.WithInbox(UnicodeForm.Compose(name));
        return true;
    }

    private static bool TryParameter(ref ReadOnlySpan<char> rest, string name, out ReadOnlySpan<char> value)
    {
        value = default;
        if (!rest.StartsWith(name, StringComparison.OrdinalIgnoreCase)) return false;
        rest = rest[name.Length..];
        var end = rest.IndexOf("/;");
        value = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[end..];
        return true;
    }

    private static bool TryPartial(ReadOnlySpan<char> range, out (long First, long Count) partial)
    {
        partial = (0, long.MaxValue);
        var dot = range.IndexOf('.');
        if (!TryNumber(dot < 0 ? range : range[..dot], out var first)) return false;
        if (dot >= 0)
        {
            if (!TryNumber(range[(dot + 1)..], out var count) || count == 0) return false;
            partial.Count = count;
        }
        partial.First = first;
        return true;
    }

    private static bool TryNumber(ReadOnlySpan<char> digits, out long number) =>
        long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    /// <summary>Takes percent encoding off (RFC 3986 §2.1); what comes out is UTF-8.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, out string decoded)
    {
        decoded = "";
        var octets = new byte[text.Length];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                if (text[i] is <= ' ' or >= (char)0x7F) return false;
                octets[length++] = (byte)text[i];
                continue;
            }
            if (i + 2 >= text.Length) return false;
            if (!byte.TryParse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out octets[length])) return false;
            length++;
            i += 2;
        }
        return ImapGrammar.TryDecode(octets.AsSpan(0, length), out decoded);
    }
}
