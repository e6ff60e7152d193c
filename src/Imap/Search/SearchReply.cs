using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>Writes what a SEARCH or SORT has found: the plain response, or ESEARCH (RFC 4466 §2.6.2, RFC 4731 §3.1).</summary>
internal sealed class SearchReply(ImapSession session, SelectedMailbox mailbox, bool byUid)
{
    private const int NumbersPerBatch = 1024;

    /// <param name="name">SEARCH or SORT.</param>
    /// <param name="found">Rows of what the client knows, in the order of the reply.</param>
    /// <returns>False when the peer is gone.</returns>
    public async ValueTask<bool> WriteAsync(string name, List<int> found, bool withModSeq, CancellationToken ct)
    {
        Text("* " + name);
        for (var start = 0; start < found.Count; start += NumbersPerBatch)
        {
            Numbers(found, start, Math.Min(found.Count, start + NumbersPerBatch));
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        Text(withModSeq && found.Count > 0 ? $" (MODSEQ {ModSeqOf(found)})\r\n" : "\r\n");
        return true;
    }

    /// <param name="source">Behind the tag, for a mailbox that is not the selected one (RFC 7377 §2.1); empty for it.</param>
    public void WriteExtended(SearchOptions options, List<int> found, bool withModSeq, ReadOnlySpan<byte> source = default)
    {
        // RFC 5182 §2.2: what is only saved is not told.
        if (options.Return == SearchReturn.Save) return;
        var w = session.Connection.Write();
        w.Raw("* ESEARCH (TAG "u8);
        w.String(Encoding.ASCII.GetBytes(session.Tag)); // correlates the response with the command
        w.Raw(source);
        w.Raw(byUid ? ") UID"u8 : ")"u8);
        if (found.Count > 0)
        {
            if (options.Has(SearchReturn.Min)) Item(ref w, " MIN ", NumberOf(found[0]));
            if (options.Has(SearchReturn.Max)) Item(ref w, " MAX ", NumberOf(found[^1]));
            if (options.Has(SearchReturn.All)) w.Text(" ALL " + SetOf(found, 0, found.Count));
        }
        if (options.Has(SearchReturn.Partial))
        {
            var (start, count) = options.Partial.Of(found.Count);
            w.Text($" PARTIAL ({options.Partial} {(count == 0 ? "NIL" : SetOf(found, start, count))})");
        }
        if (options.Has(SearchReturn.Count)) Item(ref w, " COUNT ", (uint)found.Count);
        if (withModSeq && found.Count > 0) w.Text($" MODSEQ {ModSeqOf(options.Told(found))}");
        w.CrLf();
        w.Commit();
    }

    public uint NumberOf(int index) => byUid ? mailbox.Known[index].Uid.Value : (uint)index + 1;

    private string SetOf(List<int> found, int start, int count)
    {
        var set = new UidSetText();
        for (var i = start; i < start + count; i++) set.Add(new Uid(NumberOf(found[i])));
        return set.ToString();
    }

    // RFC 7162 §3.1.5: the largest change number of what is told.
    private string ModSeqOf(IEnumerable<int> told)
    {
        var present = mailbox.View.Current;
        var largest = 0L;
        foreach (var index in told) largest = Math.Max(largest, mailbox.Fresh(present, index).ModSeq.Value);
        return largest.ToString(CultureInfo.InvariantCulture);
    }

    private void Text(string text)
    {
        var w = session.Connection.Write();
        w.Text(text);
        w.Commit();
    }

    private void Numbers(List<int> found, int start, int end)
    {
        var w = session.Connection.Write();
        for (var i = start; i < end; i++)
        {
            w.Space();
            w.Number(NumberOf(found[i]));
        }
        w.Commit();
    }

    private static void Item(ref WireWriter w, string name, uint value)
    {
        w.Text(name);
        w.Number(value);
    }
}
