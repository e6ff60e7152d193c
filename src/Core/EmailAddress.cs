using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Posthorn.Core;

/// <summary>A mailbox address (RFC 5321 §4.1.2 Mailbox, RFC 6531 §3.3) that cannot hold CR, LF, NUL or any other control character.</summary>
/// <remarks>
/// The local part is kept as written and unquoted; equality of records compares it exactly, as RFC 5321 §2.4 asks of everybody
/// but the final domain. Whoever is the final domain compares <see cref="LocalKey"/>.
/// </remarks>
public sealed record EmailAddress
{
    public const int LocalPartOctetsMax = 64; // RFC 5321 §4.5.3.1.1
    public const int OctetsMax = 254; // RFC 5321 §4.5.3.1.3, erratum 1690: a path of 256 less its angle brackets

    private EmailAddress(string local, Domain domain) => (LocalPart, Domain) = (local, domain);

    /// <summary>The local part, unquoted, in form C.</summary>
    public string LocalPart { get; }

    public Domain Domain { get; }

    /// <summary>What the final domain compares: lower case, form C. <c>Ann@</c> and <c>ann@</c> are one mailbox here.</summary>
    public string LocalKey => LocalPart.ToLowerInvariant();

    /// <summary>The address as the final domain compares it.</summary>
    public string Key => LocalKey + "@" + Domain.Ascii;

    /// <summary>False when the local part needs SMTPUTF8 (RFC 6531).</summary>
    public bool IsAscii => System.Text.Ascii.IsValid(LocalPart);

    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out EmailAddress? address)
    {
        address = null;
        var at = text.LastIndexOf('@');
        if (at <= 0 || !Domain.TryParse(text[(at + 1)..], out var domain)) return false;
        var local = text[..at];
        return local[0] == '"' ? TryUnquote(local, out var unquoted) && TryCreate(unquoted, domain, out address)
            : IsDotString(local) && TryCreate(local.ToString(), domain, out address);
    }

    /// <param name="local">The local part, unquoted.</param>
    public static bool TryCreate(string local, Domain domain, [NotNullWhen(true)] out EmailAddress? address)
    {
        address = null;
        local = UnicodeForm.Compose(local);
        if (local.Length == 0 || Encoding.UTF8.GetByteCount(local) > LocalPartOctetsMax) return false;
        foreach (var rune in local.EnumerateRunes())
        {
            if (Rune.IsControl(rune) || rune == Rune.ReplacementChar) return false;
        }
        var made = new EmailAddress(local, domain);
        if (Encoding.UTF8.GetByteCount(made.ToString()) > OctetsMax) return false;
        address = made;
        return true;
    }

    /// <summary>For addresses that the program itself writes down.</summary>
    /// <exception cref="FormatException">The text is not an address.</exception>
    public static EmailAddress Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"'{text}' is not an e-mail address");

    /// <summary>The address as it goes on the wire: the local part quoted when it must be, the domain in A-labels.</summary>
    public override string ToString()
    {
        if (IsDotString(LocalPart)) return LocalPart + "@" + Domain.Ascii;
        var text = new StringBuilder("\"");
        foreach (var c in LocalPart)
        {
            if (c is '"' or '\\') text.Append('\\');
            text.Append(c);
        }
        return text.Append("\"@").Append(Domain.Ascii).ToString();
    }

    private static bool IsDotString(ReadOnlySpan<char> local)
    {
        if (local.IsEmpty || local[0] == '.' || local[^1] == '.') return false;
        var previous = '\0';
        foreach (var c in local)
        {
            if (c == '.' && previous == '.') return false;
            if (c != '.' && !IsAtext(c)) return false;
            previous = c;
        }
        return true;
    }

    private static bool IsAtext(char c) =>
        char.IsAsciiLetterOrDigit(c) || c > 0x7F || "!#$%&'*+-/=?^_`{|}~".Contains(c, StringComparison.Ordinal);

    private static bool TryUnquote(ReadOnlySpan<char> quoted, out string local)
    {
        local = "";
        if (quoted.Length < 3 || quoted[^1] != '"') return false;
        var text = new StringBuilder(quoted.Length);
        var inside = quoted[1..^1];
        for (var i = 0; i < inside.Length; i++)
        {
            if (inside[i] == '"') return false;
            if (inside[i] == '\\' && ++i == inside.Length) return false;
            text.Append(inside[i]);
        }
        local = text.ToString();
        return true;
    }
}

/// <summary>The reverse-path of an envelope (RFC 5321 §4.1.2): an address, or the null path of a notification.</summary>
public readonly record struct ReversePath(EmailAddress? Address)
{
    public static readonly ReversePath Null;

    public bool IsNull => Address is null;

    /// <summary>Without angle brackets; the null path is the empty string.</summary>
    public override string ToString() => Address?.ToString() ?? "";
}
