using System.Text;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>The reply to a command (RFC 5321 §4.2).</summary>
/// <param name="Code">0 when there is nothing to write.</param>
/// <param name="Status">The enhanced code (RFC 3463); null where RFC 2034 §4 has none: the greeting, EHLO, 3yz.</param>
/// <param name="Text">Its lines are parted by LF.</param>
/// <param name="Closes">The connection ends after it.</param>
internal readonly record struct Reply(int Code, string? Status, string Text, bool Closes = false)
{
    /// <summary>The command has sent its reply itself, as STARTTLS must.</summary>
    public static Reply Said => default;

    /// <summary>Nobody reads any more: the connection ends without a word.</summary>
    public static Reply Gone => new(0, null, "", Closes: true);

    /// <summary>The client's fault, not its bad luck: an unknown, malformed or misplaced command.</summary>
    public bool IsMisuse => Code is (>= 500 and <= 504) or 555 && !IsPardoned;

    /// <summary>The command was on its way before the client could know better.</summary>
    public bool IsPardoned { get; init; }

    /// <param name="utf8">The client takes UTF-8 in replies (RFC 6531 §3.7.4.2); for others what is not ASCII becomes a question mark.</param>
    public void Write(ref WireWriter w, bool utf8)
    {
        if (Code == 0) return;
        var text = utf8 || Ascii.IsValid(Text) ? Text.AsSpan() : Encoding.ASCII.GetString(Encoding.ASCII.GetBytes(Text));
        while (true)
        {
            var end = text.IndexOf('\n');
            w.Number(Code);
            w.Byte(end < 0 ? (byte)' ' : (byte)'-');
            if (Status is not null)
            {
                w.Text(Status);
                w.Space();
            }
            var line = end < 0 ? text : text[..end];
            w.Text(line.Length > TextCharsMax ? line[..TextCharsMax] : line);
            w.CrLf();
            if (end < 0) return;
            text = text[(end + 1)..];
        }
    }

    // What stands around the text is at most 12 octets; a character of a longer text may have three.
    private const int TextCharsMax = SmtpLimits.ReplyOctetsMax - 16;
}
