using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>How THREAD joins messages (RFC 5256 §3).</summary>
internal enum ThreadAlgorithm : byte
{
    OrderedSubject,
    References,
}

/// <summary>THREAD and UID THREAD (RFC 5256 §3).</summary>
internal sealed record ThreadCommand(ThreadAlgorithm Algorithm, SearchRequest Request, bool ByUid) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        if (session.Has(Extensions.UidOnly) && !ByUid) return Replies.UidRequired;
        if (Request.Prepare(session, mailbox) is { } refused) return refused;
        var found = await new SearchRun(session, mailbox, Request.Program).FindAsync(ct);
        var messages = await new ThreadRun(session, mailbox, Algorithm).ReadAsync(found, ct);
        var roots = Algorithm == ThreadAlgorithm.References ? ReferenceThreads.Of(messages) : SubjectThreads.Of(messages);
        if (!await WriteAsync(session, roots, new SearchReply(session, mailbox, ByUid), ct)) return Replies.Gone;
        return Reply.Ok("THREAD completed") with { KeepsNumbers = (Request.Program.Traits & SearchTraits.Numbers) != 0 };
    }

    private static bool TryParse(ref GrammarReader r, bool byUid, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!r.ExpectSpace()) return false;
        ThreadAlgorithm algorithm;
        if (r.TryWord("ORDEREDSUBJECT"u8)) algorithm = ThreadAlgorithm.OrderedSubject;
        else if (r.TryWord("REFERENCES"u8)) algorithm = ThreadAlgorithm.References;
        else return r.Missing("ORDEREDSUBJECT or REFERENCES");
        if (!(r.ExpectSpace() && r.ExpectAstring(64, "charset", out var charset) && r.ExpectSpace()
            && SearchRequest.ExpectProgram(ref r, SearchOptions.None, Encoding.Latin1.GetString(charset).ToUpperInvariant(), out var request)
            && r.ExpectEnd())) return false;
        command = new ThreadCommand(algorithm, request, byUid);
        return true;
    }

    private static async ValueTask<bool> WriteAsync(ImapSession session, List<ThreadNode> roots, SearchReply numbers, CancellationToken ct)
    {
        Raw(session, "* THREAD"u8);
        for (var i = 0; i < roots.Count; i++)
        {
            if (i == 0) Raw(session, " "u8);
            Write(session, roots[i], numbers);
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        Raw(session, "\r\n"u8);
        return true;
    }

    // RFC 5256 §4: children in a row stand side by side until they split. Threads may be as deep as the mailbox is long, so the
    // way down is a list and not the program's own stack. Nothing there stands for a parenthesis that closes.
    private static void Write(ImapSession session, ThreadNode root, SearchReply numbers)
    {
        var w = session.Connection.Write();
        var open = new Stack<ThreadNode?>();
        open.Push(root);
        while (open.TryPop(out var node))
        {
            if (node is null)
            {
                w.Byte((byte)')');
                continue;
            }
            w.Byte((byte)'(');
            open.Push(null);
            while (true)
            {
                if (node.Row >= 0) w.Number(numbers.NumberOf(node.Row));
                if (node.Children.Count != 1) break;
                if (node.Row >= 0) w.Space();
                node = node.Children[0];
            }
            if (node.Children.Count > 0 && node.Row >= 0) w.Space();
            for (var i = node.Children.Count - 1; i >= 0; i--) open.Push(node.Children[i]);
        }
        w.Commit();
    }

    private static void Raw(ImapSession session, ReadOnlySpan<byte> octets)
    {
        var w = session.Connection.Write();
        w.Raw(octets);
        w.Commit();
    }
}
