using System.Text;
using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>The names of a mailbox and its parents. INBOX is written in one way, names are in form C.</summary>
public sealed class MailboxPath
{
    public const char Delimiter = '/';

    public const string InboxName = "INBOX";

    private MailboxPath(string[] names) => (Names, Text) = (names, string.Join(Delimiter, names));

    public IReadOnlyList<string> Names { get; }

    public string Text { get; }

    internal string Last => Names[^1];

    internal bool IsInbox => Names is [InboxName];

    /// <summary>Reads a path that a client wrote: no empty name, no control character, within the limits.</summary>
    public static Result<MailboxPath> Parse(string text)
    {
        var names = UnicodeForm.Compose(text).Split(Delimiter);
        if (names.Length > StoreLimits.MailboxDepthMax)
        {
            return new Refusal(RefusalKind.TooMany, $"Mailboxes nest at most {StoreLimits.MailboxDepthMax} levels deep");
        }

        foreach (var name in names)
        {
            if (Check(name) is { } refusal) return refusal;
        }

        // RFC 9051 §5.1: INBOX is case-insensitive, and so is it as the first of several names.
        if (names[0].Equals(InboxName, StringComparison.OrdinalIgnoreCase)) names[0] = InboxName;
        return new MailboxPath(names);
    }

    internal MailboxPath? Parent => Names.Count == 1 ? null : new MailboxPath([.. Names.Take(Names.Count - 1)]);

    internal bool IsWithin(MailboxPath other) => Text.StartsWith(other.Text + Delimiter, StringComparison.Ordinal);

    public override string ToString() => Text;

    private static Refusal? Check(string name)
    {
        if (name.Length == 0) return new Refusal(RefusalKind.Invalid, "A mailbox name is not empty");
        if (Encoding.UTF8.GetByteCount(name) > StoreLimits.MailboxNameOctetsMax)
        {
            return new Refusal(RefusalKind.TooLarge, $"A mailbox name has at most {StoreLimits.MailboxNameOctetsMax} octets");
        }

        foreach (var rune in name.EnumerateRunes())
        {
            // RFC 5198 §2: no controls, no line and paragraph separators; U+FFFD stands here for what was not UTF-8.
            if (Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029 or 0xFFFD)
            {
                return new Refusal(RefusalKind.Invalid, "A mailbox name has no control characters");
            }
        }

        return null;
    }
}
