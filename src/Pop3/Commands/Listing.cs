using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Pop3;

/// <summary>Writes what stands behind a message's number.</summary>
internal delegate void ListingColumn(ref WireWriter writer, in EmailRow row);

/// <summary>The replies of LIST and UIDL (RFC 1939 §5, §7): one message in the first line, or all of them below it.</summary>
internal static class Listing
{
    private const int RowsPerLook = 256;

    public static async ValueTask<Reply> WriteAsync(Pop3Session session, int? number, ListingColumn column, CancellationToken ct)
    {
        if (number is { } one)
        {
            if (!session.Maildrop.TryFind(one, out var row)) return Replies.NoSuchMessage;
            WriteOne(session, one, row, column);
            return Reply.Said;
        }
        session.Write(Reply.Ok($"{session.Maildrop.Left} messages"));
        for (var first = 1; first <= session.Maildrop.Count; first += RowsPerLook)
        {
            WriteSome(session, first, Math.Min(first + RowsPerLook - 1, session.Maildrop.Count), column);
            if (!await session.Connection.FlushWhenFullAsync(ct)) return Reply.Gone;
        }
        End(session);
        return Reply.Said;
    }

    private static void WriteOne(Pop3Session session, int number, in EmailRow row, ListingColumn column)
    {
        var w = session.Connection.Write();
        w.Raw("+OK "u8);
        Line(ref w, number, row, column);
        w.Commit();
    }

    private static void WriteSome(Pop3Session session, int first, int last, ListingColumn column)
    {
        var w = session.Connection.Write();
        for (var number = first; number <= last; number++)
        {
            if (session.Maildrop.TryFind(number, out var row)) Line(ref w, number, row, column);
        }
        w.Commit();
    }

    private static void Line(ref WireWriter w, int number, in EmailRow row, ListingColumn column)
    {
        w.Number(number);
        w.Space();
        column(ref w, row);
        w.CrLf();
    }

    private static void End(Pop3Session session)
    {
        var w = session.Connection.Write();
        w.Raw(".\r\n"u8);
        w.Commit();
    }
}
