using System.Text;
using Posthorn.Core;

namespace Posthorn.Pop3;

internal enum ReplyStatus : byte
{
    /// <summary>The command has sent its reply itself, as STLS and those of many lines must.</summary>
    Said,

    Ok,

    Error,

    /// <summary>As <see cref="Error"/>, by the client's fault: an unknown, malformed or misplaced command.</summary>
    Misuse,

    /// <summary>Nobody reads any more, or nothing may be said: the connection ends without a word.</summary>
    Gone,
}

/// <summary>The reply to a command (RFC 1939 §3).</summary>
/// <param name="Code">The response code without its brackets (RFC 2449 §8); null for none.</param>
/// <param name="Closes">The connection ends after it.</param>
internal readonly record struct Reply(ReplyStatus Status, string? Code, string Text, bool Closes = false)
{
    public static Reply Said => default;

    public static Reply Gone => new(ReplyStatus.Gone, null, "", Closes: true);

    public static Reply Ok(string text) => new(ReplyStatus.Ok, null, text);

    public static Reply Error(string text, string? code = null) => new(ReplyStatus.Error, code, text);

    public static Reply Misuse(string text) => new(ReplyStatus.Misuse, null, text);

    public void Write(ref WireWriter w)
    {
        if (Status is ReplyStatus.Said or ReplyStatus.Gone) return;
        w.Raw(Status == ReplyStatus.Ok ? "+OK "u8 : "-ERR "u8);
        if (Code is not null)
        {
            w.Byte((byte)'[');
            w.Text(Code);
            w.Raw("] "u8);
        }
        // RFC 6856 §3.2: the texts are English; what else a refusal names is shown as far as ASCII goes.
        var text = Ascii.IsValid(Text) ? Text : Encoding.ASCII.GetString(Encoding.ASCII.GetBytes(Text));
        w.Text(text.Length > TextCharsMax ? text.AsSpan(0, TextCharsMax) : text);
        w.CrLf();
    }

    // What stands around the text has at most 32 octets.
    private const int TextCharsMax = Pop3Limits.ReplyOctetsMax - 32;
}
