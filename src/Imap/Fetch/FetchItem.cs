using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>The data items that need no argument, as bits.</summary>
[Flags]
internal enum FetchItems
{
    None = 0,
    Uid = 1,
    Flags = 2,
    InternalDate = 4,
    Size = 8,
    Envelope = 16,
    Body = 32,
    BodyStructure = 64,
    ModSeq = 128,
    EmailId = 256,
    ThreadId = 512,
    SaveDate = 1024,
    Preview = 2048,

    /// <summary>What a mailbox's index answers alone.</summary>
    FromIndex = Uid | Flags | InternalDate | Size | ModSeq | EmailId | ThreadId | SaveDate,

    /// <summary>What was computed at arrival and stored.</summary>
    FromDetails = Envelope | Body | BodyStructure | Preview,

    Fast = Flags | InternalDate | Size,
    All = Fast | Envelope,
    Full = All | Body,
}

/// <summary>What of a part is wanted (RFC 9051 §6.4.5.1).</summary>
internal enum SectionText : byte
{
    /// <summary>The whole message, or a part's body.</summary>
    Whole,
    Header,
    HeaderFields,
    HeaderFieldsNot,
    Text,
    Mime,
}

/// <summary>How the octets of a section are shown.</summary>
internal enum SectionCoding : byte
{
    /// <summary>BODY: as they are stored.</summary>
    AsStored,

    /// <summary>BINARY: without their transfer encoding (RFC 3516 §4.2).</summary>
    Decoded,

    /// <summary>BINARY.SIZE: how many they are without it.</summary>
    DecodedSize,
}

/// <summary>One BODY[…] or BINARY[…] item, or one of its older names.</summary>
internal sealed record BodySection
{
    /// <summary>Numbers with dots, as <c>1.2.3</c>; empty for the message itself.</summary>
    public byte[] Part { get; init; } = [];

    public SectionText Text { get; init; }

    public SectionCoding Coding { get; init; }

    /// <summary>Header names as the client wrote them.</summary>
    public IReadOnlyList<byte[]> Fields { get; init; } = [];

    /// <summary>False for BODY[…]: reading it sets \Seen.</summary>
    public bool Peek { get; init; }

    public long? Offset { get; init; }

    /// <summary>How much is wanted from <see cref="Offset"/> on.</summary>
    public long Count { get; init; } = long.MaxValue;

    /// <summary>What the reply says before the literal: <c>BODY[1.HEADER]&lt;0&gt;</c>, <c>RFC822.TEXT</c>.</summary>
    public byte[] Label { get; init; } = [];
}

/// <summary>What one FETCH asks of each message (RFC 9051 §6.4.5).</summary>
internal sealed record FetchRequest(FetchItems Items, IReadOnlyList<BodySection> Sections)
{
    public bool NeedsDetails => (Items & FetchItems.FromDetails) != 0 || Sections.Count > 0;

    public bool SetsSeen
    {
        get
        {
            foreach (var section in Sections)
            {
                if (!section.Peek) return true;
            }
            return false;
        }
    }
}
