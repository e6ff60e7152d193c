using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Posthorn.Core;

/// <summary>The number of an account, group mailbox or service: 1 to 2^31-1, never used again after removal.</summary>
public readonly record struct AccountId(long Value)
{
    /// <summary>Largest number: a search document is addressed by <c>account &lt;&lt; 32 | email</c> in 63 bits.</summary>
    public const long Max = int.MaxValue;

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The number of a mailbox within its account, never used again.</summary>
public readonly record struct MailboxId(long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The number of an Email within its account (RFC 8621 §4, RFC 8474 EMAILID): 1 to 2^32-1, rising with arrival, never used again.</summary>
public readonly record struct EmailId(long Value)
{
    public const long Max = uint.MaxValue;

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The number of a Thread within its account: the number of the Email that opened it.</summary>
public readonly record struct ThreadId(long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>An IMAP unique identifier (RFC 9051 §2.3.1.1): 1 to 2^32-1 within one mailbox.</summary>
public readonly record struct Uid(uint Value) : IComparable<Uid>
{
    public int CompareTo(Uid other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A change number of an account: IMAP MODSEQ (RFC 7162) and JMAP state (RFC 8620 §1.2) alike. 63 bits, rising.</summary>
public readonly record struct ModSeq(long Value) : IComparable<ModSeq>
{
    public int CompareTo(ModSeq other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    public static bool operator <(ModSeq left, ModSeq right) => left.Value < right.Value;

    public static bool operator >(ModSeq left, ModSeq right) => left.Value > right.Value;

    public static bool operator <=(ModSeq left, ModSeq right) => left.Value <= right.Value;

    public static bool operator >=(ModSeq left, ModSeq right) => left.Value >= right.Value;
}

/// <summary>The SHA-256 of a blob's plain bytes: its name everywhere.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct BlobId
{
    public const int Length = 32;
    private const int TextLength = 43;

    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    /// <param name="hash">Exactly 32 bytes.</param>
    public BlobId(ReadOnlySpan<byte> hash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(hash.Length, Length);
        this = MemoryMarshal.Read<BlobId>(hash);
    }

    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, this);

    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>Reads the form that <see cref="ToString"/> writes.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out BlobId id)
    {
        Span<byte> bytes = stackalloc byte[Length];
        id = default;
        // TryDecodeFromChars would throw on what is no base64url.
        if (text.Length != TextLength || Base64Url.DecodeFromChars(text, bytes, out _, out var written) != OperationStatus.Done
            || written != Length) return false;
        Span<char> again = stackalloc char[TextLength];
        Base64Url.EncodeToChars(bytes, again);
        if (!text.SequenceEqual(again)) return false; // the last character has two bits to spare: an id is written in one way
        id = new BlobId(bytes);
        return true;
    }

    /// <summary>43 characters of base64url, a valid JMAP Id (RFC 8620 §1.2).</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        CopyTo(bytes);
        return Base64Url.EncodeToString(bytes);
    }
}
