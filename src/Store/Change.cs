using System.Buffers;
using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>What a row of the change log tells. The numbers are stored.</summary>
public enum ChangeKind
{
    /// <summary>New Emails, and their uids in the mailbox.</summary>
    Arrived = 1,

    /// <summary>Existing Emails have got one more membership.</summary>
    Added = 2,

    /// <summary>Flags or keywords of memberships.</summary>
    Flags = 3,

    /// <summary>Memberships that are gone (VANISHED).</summary>
    Expunged = 4,

    /// <summary>
    /// Emails without any membership left; no mailbox. In the place of the uid stands the Thread, or 0 when JMAP did not see the Email before.
    /// </summary>
    Destroyed = 5,

    MailboxCreated = 6,

    /// <summary>Name, parent, role, sort order or subscription.</summary>
    MailboxChanged = 7,

    MailboxDeleted = 8,

    /// <summary>Rights on a mailbox.</summary>
    AclChanged = 9,

    /// <summary>
    /// Emails that JMAP does not see any more, since each of their memberships carries \Deleted (RFC 8621 §4.1.1); no mailbox, the Thread in
    /// the place of the uid.
    /// </summary>
    Hidden = 10,

    /// <summary>Emails that JMAP sees again; as <see cref="Hidden"/>.</summary>
    Shown = 11,
}

public readonly record struct ChangedEmail(Uid Uid, EmailId Email);

/// <summary>What one action did to one mailbox.</summary>
/// <param name="Mailbox">Number 0 for <see cref="ChangeKind.Destroyed"/>.</param>
public sealed record Change(ModSeq ModSeq, ChangeKind Kind, MailboxId Mailbox, IReadOnlyList<ChangedEmail> Emails);

/// <summary>Part of the change log, in order.</summary>
/// <param name="UpTo">Everything up to this number is contained: the next question starts here.</param>
/// <param name="IsWhole">False when the log no longer reaches back to the number asked for: what was asked cannot be told.</param>
public sealed record ChangePage(IReadOnlyList<Change> Changes, ModSeq UpTo, bool HasMore, bool IsWhole);

/// <summary>The packed list of a change row: for each message the distance of its uid and of its email from the one before.</summary>
internal static class ChangeItems
{
    public static byte[] Pack(IReadOnlyList<ChangedEmail> emails)
    {
        var bytes = new ArrayBufferWriter<byte>(emails.Count * 3 + 8);
        long uid = 0, email = 0;
        foreach (var item in emails)
        {
            Number(bytes, item.Uid.Value - uid);
            Number(bytes, item.Email.Value - email);
            (uid, email) = (item.Uid.Value, item.Email.Value);
        }

        return bytes.WrittenSpan.ToArray();
    }

    public static List<ChangedEmail> Unpack(ReadOnlySpan<byte> bytes)
    {
        var emails = new List<ChangedEmail>(bytes.Length / 2);
        long uid = 0, email = 0;
        while (!bytes.IsEmpty)
        {
            uid += Number(ref bytes);
            email += Number(ref bytes);
            emails.Add(new ChangedEmail(new Uid((uint)uid), new EmailId(email)));
        }

        return emails;
    }

    private static void Number(ArrayBufferWriter<byte> bytes, long signed)
    {
        var rest = (ulong)((signed << 1) ^ (signed >> 63));
        var span = bytes.GetSpan(10);
        var length = 0;
        for (; rest >= 0x80; rest >>= 7) span[length++] = (byte)(rest | 0x80);
        span[length++] = (byte)rest;
        bytes.Advance(length);
    }

    private static long Number(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64 && !bytes.IsEmpty; shift += 7)
        {
            var b = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) break;
        }

        return (long)(value >> 1) ^ -(long)(value & 1);
    }
}
