using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>What an extended SEARCH returns (RFC 4731 §3.1).</summary>
[Flags]
internal enum SearchReturn
{
    /// <summary>The plain SEARCH response.</summary>
    None = 0,
    Min = 1,
    Max = 2,
    All = 4,
    Count = 8,
}

/// <summary>SEARCH and UID SEARCH (RFC 3501 §6.4.4), with ESEARCH (RFC 4731).</summary>
internal sealed record SearchCommand(SearchKey Program, SearchReturn Return, bool CharsetIsKnown, bool ByUid) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (!CharsetIsKnown) return Reply.No("this charset is not known here", "BADCHARSET (US-ASCII UTF-8)");
        if (!Program.TryBind(session.Mailbox)) return Replies.NoSuchMessage;
        if (Program.AsksForModSeq) session.Enable(Extensions.CondStore);
        var found = await new SearchRun(session, Program).FindAsync(ct);
        return Return == SearchReturn.None
            ? await WriteAsync(session, found, ct) ? Reply.Ok("SEARCH completed") : Replies.Gone
            : WriteExtended(session, found);
    }

    private static bool TryParse(ref GrammarReader r, bool byUid, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var returns = SearchReturn.None;
        var known = true;
        if (!r.ExpectSpace()) return false;
        if (r.TryKeyword("RETURN ("u8) && !(ExpectReturn(ref r, out returns) && r.ExpectSpace())) return false;
        if (r.TryKeyword("CHARSET "u8))
        {
            if (!(r.ExpectAstring(64, "charset", out var charset) && r.ExpectSpace())) return false;
            known = Encoding.Latin1.GetString(charset).ToUpperInvariant() is "UTF-8" or "US-ASCII";
        }
        var grammar = new SearchGrammar(decode: known);
        if (!(grammar.ExpectProgram(ref r, out var program) && r.ExpectEnd())) return false;
        command = new SearchCommand(program, returns, known, byUid);
        return true;
    }

    // "(" was read; RFC 4731 §3.1: without an option it is ALL
    private static bool ExpectReturn(ref GrammarReader r, out SearchReturn returns)
    {
        returns = SearchReturn.All;
        if (r.TryByte((byte)')')) return true;
        returns = SearchReturn.None;
        do
        {
            if (!r.ExpectAtom(32, "return option", out var name)) return false;
            var option = name.ToUpperInvariant() switch
            {
                "MIN" => SearchReturn.Min,
                "MAX" => SearchReturn.Max,
                "ALL" => SearchReturn.All,
                "COUNT" => SearchReturn.Count,
                _ => SearchReturn.None,
            };
            if (option == SearchReturn.None) return r.Missing("known return option");
            returns |= option;
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    private static uint NumberOf(ImapSession session, int index, bool byUid) => byUid ? session.Mailbox.Known[index].Uid.Value : (uint)index + 1;

    private async ValueTask<bool> WriteAsync(ImapSession session, List<int> found, CancellationToken ct)
    {
        Begin(session);
        for (var start = 0; start < found.Count; start += 1024)
        {
            Write(session, found, start, Math.Min(found.Count, start + 1024));
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        End(session, ModSeqOf(session, found));
        return true;
    }

    // RFC 7162 §3.1.5: the largest change number of what was found, when the program asks for change numbers.
    private long ModSeqOf(ImapSession session, List<int> found)
    {
        if (!Program.AsksForModSeq) return 0;
        var present = session.Mailbox.View.Current;
        var largest = 0L;
        foreach (var index in found) largest = Math.Max(largest, session.Mailbox.Fresh(present, index).ModSeq.Value);
        return largest;
    }

    private static void Begin(ImapSession session)
    {
        var w = session.Connection.Write();
        w.Raw("* SEARCH"u8);
        w.Commit();
    }

    private static void End(ImapSession session, long modSeq)
    {
        var w = session.Connection.Write();
        if (modSeq > 0)
        {
            w.Raw(" (MODSEQ "u8);
            w.Number(modSeq);
            w.Byte((byte)')');
        }
        w.CrLf();
        w.Commit();
    }

    private void Write(ImapSession session, List<int> found, int start, int end)
    {
        var w = session.Connection.Write();
        for (var i = start; i < end; i++)
        {
            w.Space();
            w.Number(NumberOf(session, found[i], ByUid));
        }
        w.Commit();
    }

    // RFC 4466 §2.6.2: the tag correlates the response with the command.
    private Reply WriteExtended(ImapSession session, List<int> found)
    {
        var w = session.Connection.Write();
        w.Raw("* ESEARCH (TAG "u8);
        w.String(Encoding.ASCII.GetBytes(session.Tag));
        w.Byte((byte)')');
        if (ByUid) w.Raw(" UID"u8);
        if (found.Count > 0)
        {
            if (Return.HasFlag(SearchReturn.Min)) Item(ref w, " MIN ", NumberOf(session, found[0], ByUid));
            if (Return.HasFlag(SearchReturn.Max)) Item(ref w, " MAX ", NumberOf(session, found[^1], ByUid));
            if (Return.HasFlag(SearchReturn.All))
            {
                var set = new UidSetText();
                foreach (var index in found) set.Add(new Uid(NumberOf(session, index, ByUid)));
                w.Raw(" ALL "u8);
                w.Text(set.ToString());
            }
        }
        if (Return.HasFlag(SearchReturn.Count)) Item(ref w, " COUNT ", (uint)found.Count);
        if (ModSeqOf(session, found) is > 0 and var modSeq)
        {
            w.Raw(" MODSEQ "u8);
            w.Number(modSeq);
        }
        w.CrLf();
        w.Commit();
        return Reply.Ok("SEARCH completed");
    }

    private static void Item(ref WireWriter w, string name, uint value)
    {
        w.Text(name);
        w.Text(value.ToString(CultureInfo.InvariantCulture));
    }
}
