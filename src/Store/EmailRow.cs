using System.Runtime.InteropServices;
using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>RFC 9051 §2.3.2. <see cref="Deleted"/> belongs to one membership, the others to the Email, in whatever mailbox it is.</summary>
[Flags]
public enum SystemFlags : byte
{
    None = 0,
    Seen = 1,
    Answered = 2,
    Flagged = 4,
    Draft = 8,
    Deleted = 16,
}

/// <param name="System">The system flags.</param>
/// <param name="KeywordSet">The number of an interned set of keywords, see <see cref="KeywordSets"/>; 0 is the empty one.</param>
public readonly record struct MessageFlags(SystemFlags System, int KeywordSet);

/// <summary>One message of a mailbox, as its shared index holds it: 40 bytes.</summary>
/// <remarks>Sizes over 4 GB and times outside of 1970 to 2106 (for <see cref="SavedAt"/>) are clamped; no message comes near.</remarks>
[StructLayout(LayoutKind.Auto)]
public readonly struct EmailRow : IEquatable<EmailRow>
{
    private readonly long _modSeq;
    private readonly long _receivedAt;
    private readonly uint _uid;
    private readonly uint _email;
    private readonly uint _thread;
    private readonly uint _flags;
    private readonly uint _size;
    private readonly uint _savedAt;

    internal EmailRow(long uid, long email, long thread, long modSeq, long flags, long size, long receivedAt, long savedAt)
    {
        _uid = (uint)uid;
        _email = (uint)email;
        _thread = (uint)thread;
        _modSeq = modSeq;
        _flags = (uint)flags;
        _size = (uint)Math.Clamp(size, 0, uint.MaxValue);
        _receivedAt = receivedAt;
        _savedAt = (uint)Math.Clamp(savedAt / 1000, 0, uint.MaxValue);
    }

    public Uid Uid => new(_uid);

    public EmailId Email => new(_email);

    public ThreadId Thread => new(_thread);

    public ModSeq ModSeq => new(_modSeq);

    public MessageFlags Flags => FlagBits.Decode(_flags);

    public bool IsSeen => (_flags & (uint)SystemFlags.Seen) != 0;

    public bool IsDeleted => (_flags & (uint)SystemFlags.Deleted) != 0;

    /// <summary>The Email lies, or once lay, in a second place; unset, this is its only one.</summary>
    public bool MayLieElsewhere => (_flags & FlagBits.Shared) != 0;

    public bool HasAttachment => (_flags & FlagBits.Attachment) != 0;

    /// <summary>Octets of the whole message, trace headers included (RFC822.SIZE).</summary>
    public long SizeBytes => _size;

    /// <summary>INTERNALDATE.</summary>
    public DateTimeOffset ReceivedAt => DateTimeOffset.FromUnixTimeMilliseconds(_receivedAt);

    /// <summary>SAVEDATE (RFC 8514): when it came into this mailbox, to the second.</summary>
    public DateTimeOffset SavedAt => DateTimeOffset.FromUnixTimeSeconds(_savedAt);

    internal uint Bits => _flags;

    internal EmailRow With(long modSeq, long flags) =>
        new(_uid, _email, _thread, modSeq, flags, _size, _receivedAt, _savedAt * 1000L);

    public bool Equals(EmailRow other) =>
        _uid == other._uid && _modSeq == other._modSeq && _email == other._email && _thread == other._thread
        && _flags == other._flags && _size == other._size && _receivedAt == other._receivedAt && _savedAt == other._savedAt;

    public override bool Equals(object? obj) => obj is EmailRow other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_uid, _email, _modSeq);

    public static bool operator ==(EmailRow left, EmailRow right) => left.Equals(right);

    public static bool operator !=(EmailRow left, EmailRow right) => !left.Equals(right);
}

/// <summary>The stored form of a membership's flags: system flags, two bits of our own, and the keyword set above them.</summary>
internal static class FlagBits
{
    /// <summary>The Email has, or once had, more than one membership. Unset, an expunge or a STORE need not look for others.</summary>
    public const uint Shared = 128;

    /// <summary>The Email has an attachment (RFC 8621 §4.1.4), so that a filter reads no wide row.</summary>
    public const uint Attachment = 64;

    public const uint System = 31;

    /// <summary>Bits that no STORE changes.</summary>
    public const uint Own = Shared | Attachment;

    public const int KeywordShift = 8;

    public const int KeywordSetMax = (1 << 24) - 1;

    /// <summary>What a STORE on one membership changes in the others of the same Email.</summary>
    public const uint OfEmail = ~((uint)SystemFlags.Deleted | Shared | Attachment);

    public static MessageFlags Decode(uint bits) => new((SystemFlags)(bits & System), (int)(bits >> KeywordShift));

    public static uint Encode(SystemFlags system, int keywordSet) => ((uint)system & System) | ((uint)keywordSet << KeywordShift);
}
