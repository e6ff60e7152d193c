using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>What STATUS and LIST … RETURN (STATUS …) may ask (RFC 9051 §6.3.11, RFC 8438, RFC 7162 §3.1.7).</summary>
[Flags]
internal enum StatusItems
{
    None = 0,
    Messages = 1,
    Recent = 2,
    UidNext = 4,
    UidValidity = 8,
    Unseen = 16,
    Size = 32,
    Deleted = 64,
    HighestModSeq = 128,
    MailboxId = 256,
    AppendLimit = 512,
    DeletedStorage = 1024,
}

/// <summary>STATUS (RFC 9051 §6.3.11).</summary>
internal sealed record StatusCommand(MailboxName Name, StatusItems Items) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var name)
            && r.ExpectSpace() && ExpectItems(ref r, out var items) && r.ExpectEnd())) return false;
        command = new StatusCommand(name, items);
        return true;
    }

    /// <summary>"(" status-att *(SP status-att) ")"</summary>
    public static bool ExpectItems(ref GrammarReader r, out StatusItems items)
    {
        items = StatusItems.None;
        if (!r.ExpectByte((byte)'(', "\"(\"")) return false;
        do
        {
            var mark = r;
            if (!r.ExpectAtom(32, "status item", out var name)) return false;
            var item = Read(name);
            if (item == StatusItems.None)
            {
                r.Restore(mark);
                return r.Missing("status item");
            }
            items |= item;
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    public static void Write(ref WireWriter w, ImapSession session, Mailbox mailbox, StatusItems items, long deletedOctets)
    {
        w.Raw("* STATUS "u8);
        w.Mailbox(mailbox.Path, session.Has(Extensions.Utf8Names));
        w.Raw(" ("u8);
        var first = true;
        if ((items & StatusItems.Messages) != 0) Item(ref w, "MESSAGES "u8, mailbox.Messages, ref first);
        if ((items & StatusItems.Recent) != 0)
            Item(ref w, "RECENT "u8, session.Server.Store.Mailboxes.CountRecent(session.Account, mailbox.Id), ref first);
        if ((items & StatusItems.UidNext) != 0) Item(ref w, "UIDNEXT "u8, mailbox.UidNext.Value, ref first);
        if ((items & StatusItems.UidValidity) != 0) Item(ref w, "UIDVALIDITY "u8, mailbox.UidValidity, ref first);
        if ((items & StatusItems.Unseen) != 0) Item(ref w, "UNSEEN "u8, mailbox.Unseen, ref first);
        if ((items & StatusItems.Size) != 0) Item(ref w, "SIZE "u8, mailbox.SizeBytes, ref first);
        if ((items & StatusItems.Deleted) != 0) Item(ref w, "DELETED "u8, mailbox.Deleted, ref first);
        if ((items & StatusItems.HighestModSeq) != 0) Item(ref w, "HIGHESTMODSEQ "u8, mailbox.HighestModSeq.Value, ref first);
        if ((items & StatusItems.MailboxId) != 0) // RFC 8474 §4.3
        {
            w.Raw(first ? "MAILBOXID ("u8 : " MAILBOXID ("u8);
            w.Text(ObjectId.Of(session.Account, mailbox.Id));
            w.Byte((byte)')');
            first = false;
        }
        if ((items & StatusItems.AppendLimit) != 0) Item(ref w, "APPENDLIMIT "u8, session.Server.Settings.MessageOctetsMax, ref first);
        if ((items & StatusItems.DeletedStorage) != 0) Item(ref w, "DELETED-STORAGE "u8, deletedOctets, ref first);
        w.Raw(")\r\n"u8);
    }

    /// <summary>What EXPUNGE would free, when it was asked for (RFC 9208 §4.1.4): the index is read for it.</summary>
    public static async ValueTask<long> DeletedOctetsAsync(ImapSession session, Mailbox mailbox, StatusItems items, CancellationToken ct)
    {
        if ((items & StatusItems.DeletedStorage) == 0 || mailbox.Deleted == 0) return 0;
        using var view = await session.Server.Store.Mailboxes.OpenAsync(session.Account, mailbox.Id, ct);
        return view is null ? 0 : DeletedOctets(view.Current);
    }

    private static long DeletedOctets(MailboxSnapshot snapshot)
    {
        var octets = 0L;
        for (var chunk = 0; chunk < snapshot.ChunkCount; chunk++)
        {
            foreach (ref readonly var row in snapshot.Chunk(chunk))
            {
                if (row.IsDeleted) octets += row.SizeBytes;
            }
        }
        return octets;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (await session.Server.Store.Mailboxes.FindAsync(session.Account, Name.Path, ct) is not { } found) return Replies.NonExistent;
        if (Items.HasFlag(StatusItems.HighestModSeq)) session.Enable(Extensions.CondStore);
        var deletedOctets = await DeletedOctetsAsync(session, found, Items, ct);
        var w = session.Connection.Write();
        Write(ref w, session, found, Items, deletedOctets);
        w.Commit();
        return Reply.Ok("STATUS completed");
    }

    private static void Item(ref WireWriter w, scoped ReadOnlySpan<byte> name, long value, ref bool first)
    {
        if (!first) w.Space();
        first = false;
        w.Raw(name);
        w.Number(value);
    }

    private static StatusItems Read(string name) => name.ToUpperInvariant() switch
    {
        "MESSAGES" => StatusItems.Messages,
        "RECENT" => StatusItems.Recent,
        "UIDNEXT" => StatusItems.UidNext,
        "UIDVALIDITY" => StatusItems.UidValidity,
        "UNSEEN" => StatusItems.Unseen,
        "SIZE" => StatusItems.Size,
        "DELETED" => StatusItems.Deleted,
        "HIGHESTMODSEQ" => StatusItems.HighestModSeq,
        "MAILBOXID" => StatusItems.MailboxId,
        "APPENDLIMIT" => StatusItems.AppendLimit, // RFC 7889 §3.1
        "DELETED-STORAGE" => StatusItems.DeletedStorage,
        _ => StatusItems.None,
    };
}
