using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Jmap;

/// <summary>
/// Blob ids (RFC 8620 §6). <c>U</c> and a hash: a file of the account. <c>B</c>, the account's number and the Email's: a whole message. Behind
/// either, each <c>x</c> and numbers: the decoded content of a part, by its section, of the message so far.
/// </summary>
internal readonly record struct BlobName(BlobId? File, EmailId Email, IReadOnlyList<string> Sections)
{
    private const int SectionsMax = 16;
    private const int HashLength = 43;

    /// <summary>The whole message of an Email.</summary>
    public static string Of(AccountId account, EmailId email) => string.Create(CultureInfo.InvariantCulture, $"B{account.Value}-{email.Value}");

    public static string Of(BlobId file) => "U" + file;

    /// <param name="message">The name of the message that the part is of.</param>
    /// <param name="section">As IMAP counts: <c>1.2</c>.</param>
    public static string Part(string message, string section) => message + "x" + section.Replace('.', '-');

    /// <summary>False for what names nothing of the account.</summary>
    public static bool TryParse(string text, AccountId account, out BlobName name)
    {
        name = default;
        if (text.Length < 2) return false;
        string rest;
        BlobId? file = null;
        var email = default(EmailId);
        if (text[0] == 'U')
        {
            if (text.Length <= HashLength || !BlobId.TryParse(text.AsSpan(1, HashLength), out var hash)) return false;
            (file, rest) = (hash, text[(HashLength + 1)..]);
        }
        else if (text[0] == 'B')
        {
            var end = text.IndexOf('x', StringComparison.Ordinal);
            var whole = end < 0 ? text : text[..end];
            var dash = whole.IndexOf('-', StringComparison.Ordinal);
            if (dash < 0 || !long.TryParse(whole.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
            email = new EmailId(number);
            if (whole != Of(account, email)) return false;
            rest = end < 0 ? "" : text[end..];
        }
        else
        {
            return false;
        }
        var sections = rest.Split('x');
        if (sections[0].Length > 0 || sections.Length > SectionsMax + 1 || sections.Skip(1).Any(static s => !IsSection(s))) return false;
        name = new BlobName(file, email, [.. sections.Skip(1).Select(static s => s.Replace('-', '.'))]);
        return true;
    }

    private static bool IsSection(string section) =>
        section.Length is > 0 and < 200 && section.Split('-').All(static n => n.Length is > 0 and < 6 && n.All(char.IsAsciiDigit) && n[0] != '0');
}
