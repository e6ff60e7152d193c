using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>FETCH responses (RFC 9051 §7.5.2) from the rows of a mailbox's index and from stored columns.</summary>
internal static class FetchWriter
{
    /// <summary>The session's own flag, which is no message's (RFC 3501 §2.3.2).</summary>
    private const SystemFlags Recent = (SystemFlags)32;

    private static readonly (SystemFlags Flag, string Name)[] Names =
    [
        (SystemFlags.Answered, "\\Answered"), (SystemFlags.Flagged, "\\Flagged"), (SystemFlags.Deleted, "\\Deleted"),
        (SystemFlags.Seen, "\\Seen"), (SystemFlags.Draft, "\\Draft"), (Recent, "\\Recent"),
    ];

    // Every combination of system flags as it stands in a list.
    private static readonly byte[][] SystemText =
    [
        .. Enumerable.Range(0, 64).Select(bits => System.Text.Encoding.ASCII.GetBytes(
            string.Join(' ', Names.Where(name => ((int)name.Flag & bits) != 0).Select(name => name.Name)))),
    ];

    /// <summary>A whole response about flags. It names the UID, which RFC 9051 §6.4.9 asks for after UID commands and allows always.</summary>
    public static void Flags(ref WireWriter w, int number, in EmailRow row, ImapSession session)
    {
        BeginUnasked(ref w, number, row, session);
        w.Raw("FLAGS ("u8);
        FlagNames(ref w, row, session.Mailbox, session.Mailbox.View.Keywords);
        w.Byte((byte)')');
        if (session.Has(Extensions.CondStore)) ModSeq(ref w, row, any: true);
        w.Raw(")\r\n"u8);
    }

    /// <summary>What a silent STORE still tells a client that follows change numbers (RFC 7162 §3.1.3).</summary>
    public static void ModSeq(ref WireWriter w, int number, in EmailRow row, ImapSession session)
    {
        BeginUnasked(ref w, number, row, session);
        ModSeq(ref w, row, any: false);
        w.Raw(")\r\n"u8);
    }

    /// <param name="uidOnly">RFC 9586 §3.3: the response is called UIDFETCH, and its number is the UID.</param>
    public static void Begin(ref WireWriter w, int number, in EmailRow row, bool uidOnly)
    {
        w.Raw("* "u8);
        w.Number(uidOnly ? row.Uid.Value : number);
        w.Raw(uidOnly ? " UIDFETCH ("u8 : " FETCH ("u8);
    }

    private static void BeginUnasked(ref WireWriter w, int number, in EmailRow row, ImapSession session)
    {
        var uidOnly = session.Has(Extensions.UidOnly);
        Begin(ref w, number, row, uidOnly);
        if (uidOnly) return;
        w.Raw("UID "u8);
        w.Number(row.Uid.Value);
        w.Space();
    }

    /// <summary>The items that the index answers, a space between; true when there was one.</summary>
    public static bool FromIndex(ref WireWriter w, FetchItems items, in EmailRow row, SelectedMailbox mailbox, KeywordSets keywords)
    {
        var any = false;
        if ((items & FetchItems.Uid) != 0)
        {
            w.Raw("UID "u8);
            w.Number(row.Uid.Value);
            any = true;
        }
        if ((items & FetchItems.Flags) != 0)
        {
            w.Raw(any ? " FLAGS ("u8 : "FLAGS ("u8);
            FlagNames(ref w, row, mailbox, keywords);
            w.Byte((byte)')');
            any = true;
        }
        if ((items & FetchItems.InternalDate) != 0)
        {
            w.Raw(any ? " INTERNALDATE "u8 : "INTERNALDATE "u8);
            ImapDate.Write(ref w, row.ReceivedAt);
            any = true;
        }
        if ((items & FetchItems.Size) != 0)
        {
            w.Raw(any ? " RFC822.SIZE "u8 : "RFC822.SIZE "u8);
            w.Number(row.SizeBytes);
            any = true;
        }
        if ((items & FetchItems.ModSeq) != 0)
        {
            ModSeq(ref w, row, any);
            any = true;
        }
        return Identity(ref w, items, row, mailbox, any);
    }

    /// <summary>The items that stored columns answer, a space before each but the first.</summary>
    public static bool FromDetails(
        ref WireWriter w, FetchItems items, in EmailDetail detail, bool any)
    {
        if ((items & FetchItems.Envelope) != 0)
        {
            w.Raw(any ? " ENVELOPE "u8 : "ENVELOPE "u8);
            EnvelopeWriter.Write(ref w, new EnvelopeView(detail.Envelope));
            any = true;
        }
        if ((items & FetchItems.Body) != 0)
        {
            w.Raw(any ? " BODY "u8 : "BODY "u8);
            StructureWriter.Write(ref w, new StructureView(detail.Structure).Root, extended: false);
            any = true;
        }
        if ((items & FetchItems.BodyStructure) != 0)
        {
            w.Raw(any ? " BODYSTRUCTURE "u8 : "BODYSTRUCTURE "u8);
            StructureWriter.Write(ref w, new StructureView(detail.Structure).Root, extended: true);
            any = true;
        }
        if ((items & FetchItems.Preview) != 0) // RFC 8970 §3.2: in UTF-8; never NIL, since it is known
        {
            w.Raw(any ? " PREVIEW "u8 : "PREVIEW "u8);
            w.String(detail.PreviewUtf8);
            any = true;
        }
        return any;
    }

    // RFC 8474 §5.3, RFC 8514 §4.2.
    private static bool Identity(ref WireWriter w, FetchItems items, in EmailRow row, SelectedMailbox mailbox, bool any)
    {
        if ((items & FetchItems.EmailId) != 0)
        {
            w.Raw(any ? " EMAILID ("u8 : "EMAILID ("u8);
            w.Text(ObjectId.Of(mailbox.View.Account, row.Email));
            w.Byte((byte)')');
            any = true;
        }
        if ((items & FetchItems.ThreadId) != 0)
        {
            w.Raw(any ? " THREADID ("u8 : "THREADID ("u8);
            w.Text(ObjectId.Of(mailbox.View.Account, row.Thread));
            w.Byte((byte)')');
            any = true;
        }
        if ((items & FetchItems.SaveDate) != 0)
        {
            w.Raw(any ? " SAVEDATE "u8 : "SAVEDATE "u8);
            ImapDate.Write(ref w, row.SavedAt);
            any = true;
        }
        return any;
    }

    private static void ModSeq(ref WireWriter w, in EmailRow row, bool any)
    {
        w.Raw(any ? " MODSEQ ("u8 : "MODSEQ ("u8);
        w.Number(row.ModSeq.Value);
        w.Byte((byte)')');
    }

    private static void FlagNames(ref WireWriter w, in EmailRow row, SelectedMailbox mailbox, KeywordSets keywords)
    {
        var flags = row.Flags;
        var system = SystemText[(int)((flags.System & ~Recent) | (mailbox.IsRecent(row.Uid) ? Recent : SystemFlags.None))];
        w.Raw(system);
        if (flags.KeywordSet == 0) return;
        var names = keywords.Wire(flags.KeywordSet);
        w.Raw(system.Length == 0 && !names.IsEmpty ? names[1..] : names);
    }
}
