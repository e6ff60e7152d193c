using Posthorn.Core;

namespace Posthorn.Imap;

internal enum ReplyStatus : byte
{
    Ok,
    No,
    Bad,

    /// <summary>The command has sent its reply itself, as STARTTLS must.</summary>
    Said,

    /// <summary>Nobody reads any more: the connection ends without a word.</summary>
    Gone,
}

/// <summary>The tagged reply of a command.</summary>
/// <param name="Code">The response code without its brackets (RFC 9051 §7.1); null for none.</param>
/// <param name="Closes">The connection ends after it.</param>
/// <param name="KeepsNumbers">No EXPUNGE may stand between the command and this, whatever the verb's row says.</param>
/// <param name="TellsModSeq">The code is HIGHESTMODSEQ of what the client has been told by then (RFC 7162 §3.2.7).</param>
internal readonly record struct Reply(
    ReplyStatus Status, string? Code, string Text, bool Closes = false, bool TellsModSeq = false, bool KeepsNumbers = false)
{
    public static Reply Said => new(ReplyStatus.Said, null, "");

    /// <summary>The peer left, or does not read.</summary>
    public static Reply Gone => new(ReplyStatus.Gone, null, "", Closes: true);

    public static Reply Ok(string text, string? code = null) => new(ReplyStatus.Ok, code, text);

    public static Reply No(string text, string? code = null) => new(ReplyStatus.No, code, text);

    public static Reply Bad(string text, string? code = null) => new(ReplyStatus.Bad, code, text);

    public void Write(ref WireWriter w, string tag)
    {
        if (Status is ReplyStatus.Said or ReplyStatus.Gone) return;
        w.Text(tag);
        w.Raw(Status switch
        {
            ReplyStatus.Ok => " OK "u8,
            ReplyStatus.No => " NO "u8,
            _ => " BAD "u8,
        });
        if (Code is not null)
        {
            w.Byte((byte)'[');
            w.Text(Code);
            w.Raw("] "u8);
        }
        w.Text(Text);
        w.CrLf();
    }
}
