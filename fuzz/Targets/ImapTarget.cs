using System.Buffers;
using System.Globalization;
using System.Text;
using Posthorn.Core;
using Posthorn.Imap;

namespace Posthorn.Fuzz;

/// <summary>An IMAP command from its tag to its end, literals in place.</summary>
/// <remarks>
/// Oracles: cut in two anywhere it parses the same; what was parsed is written and parses to the same; sequence sets, LIST patterns and
/// modified UTF-7 have slow references.
/// </remarks>
internal sealed class ImapTarget : Target
{
    public override string Name => "imap";

    public override IReadOnlyList<string> Words { get; } =
    [
        .. Verb.Table.Select(v => v.Name + " "), "a ", "UID ", " ", "(", ")", "\"", "\\", "{3}\r\nabc", "{0+}\r\n",
        "{1}\r\n\u00E9", "{70000}\r\n", "\r\n", "\0\u0001", "*", ":*", "1:5,7", ",", "+FLAGS", "-FLAGS", "FLAGS",
        ".SILENT ", "\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "\\Recent", "$Forwarded", "INBOX",
        "inbox/", "&AOk-", "&-", "&2D3eAA-", "&", "-", "~peter/mail", "%", "NIL", "CHARSET UTF-8 ", "CHARSET X ",
        "RETURN (", "MIN ", "MAX ", "ALL ", "COUNT ", "(SUBSCRIBED)", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE",
        "CHILDREN", "STATUS (", "MESSAGES ", "RECENT ", "UIDNEXT ", "UIDVALIDITY ", "UNSEEN ", "SIZE ", "DELETED ",
        "(USE (\\Sent))", "(USE (\\", "ALL", "FULL", "FAST", "BODY", "BODY.PEEK", "[", "]", "<0.10>", "<", ">",
        "HEADER", ".FIELDS (", ".FIELDS.NOT (", "TEXT", "MIME", "1.2.3", ".", "ENVELOPE", "BODYSTRUCTURE",
        "INTERNALDATE", "RFC822", "RFC822.SIZE", "RFC822.HEADER", "RFC822.TEXT", "ANSWERED", "UNANSWERED", "OLD",
        "NEW ", "OR ", "NOT ", "BEFORE ", "ON ", "SINCE ", "SENTBEFORE ", "SENTON ", "SENTSINCE ", "1-Feb-1994",
        "\" 7-Dec-2026 10:11:12 +0100\" ", "29-Feb-2023", "BCC ", "CC ", "FROM ", "TO ", "SUBJECT ", "BODY ", "TEXT ",
        "HEADER ", "KEYWORD ", "UNKEYWORD ", "LARGER ", "SMALLER ", "UNDELETED", "UNDRAFT", "UNFLAGGED", "DRAFT",
        "FLAGGED", "PLAIN ", "=", "AGFubgBzZWNyZXQ=", "\"name\" \"x\"", "CONDSTORE", " (CONDSTORE)", " (QRESYNC (", "67890007 ",
        "90060115194045000 ", "41,43:211 ", "(1:3 4:6)", ")))", " (CHANGEDSINCE 12345", " VANISHED", "(UNCHANGEDSINCE 5) ", "MODSEQ ",
        "EMAILID M1-2", "THREADID T1-2", "SAVEDATE", "PREVIEW (LAZY)", "SAVEDBEFORE ", "SAVEDATESUPPORTED", "MAILBOXID ", "APPENDLIMIT ",
        "DELETED-STORAGE ", "DEFLATE", "(STORAGE 10 MESSAGE 5)", "~{3}\r\na\0b", "CATENATE (", "TEXT {3}\r\nabc", "URL \"/Drafts/;UID=2/;SECTION=1\"",
        "imap://ann%40x.test@localhost/INBOX/;UID=1;EXPIRE=2020-01-01T00:00:00Z;URLAUTH=user+ann%40x.test:internal:01ff",
        " INTERNAL", "/;PARTIAL=0.10",
        "BINARY[1]", "BINARY.PEEK[", "BINARY.SIZE[1.2]", "/shared/comment ", "/private/vendor/a/b ", "(DEPTH infinity ", "MAXSIZE 10) ", "METADATA (",
        "\"/flags/\\\\draft\" all ", "HIGHESTMODSEQ ", "SAVE ", "CONTEXT ", "UPDATE ",
        "PARTIAL 1:500", "PARTIAL -1:-100", "(PARTIAL -1:-30)", "$", "OLDER 86400", "YOUNGER 60", "UTF8 (~{3}\r\nabc)", "UTF8=ACCEPT",
        "IMAP4rev2", "UIDONLY", "(REVERSE DATE SUBJECT) UTF-8 ",
        "ARRIVAL ", "SIZE ", "FROM ", "TO ", "CC ", "DISPLAYFROM", "DISPLAYTO", "ORDEREDSUBJECT UTF-8 ", "REFERENCES US-ASCII ", "IN (",
        "selected", "inboxes ", "personal", "subscribed", "subtree (a b)", "subtree-one x", "mailboxes INBOX) ", "\"B01\"",
        "2000 10:20", "\u00C3\u00A9",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Core/GrammarReader.cs"), new("src/Imap/Grammar/*.cs"), new("src/Imap/Session/Verb.cs"),
        new("src/Imap/Search/SearchGrammar.cs"), new("src/Imap/Search/SearchOptions.cs", "ExpectFrom", "Read"),
        new("src/Imap/Search/SortCriterion.cs"), new("src/Imap/Fetch/FetchGrammar.cs"), new("src/Imap/Fetch/FetchModifiers.cs"),
        new("src/Imap/Commands/QResyncParameter.cs", "ExpectFrom"),
        new("src/Imap/Commands/AppendGrammar.cs"), new("src/Imap/Commands/QuotaRoot.cs", "ExpectName"),
        new("src/Imap/Commands/*Command.cs", "TryParse", "Expect", "IsMessageNext", "TryDecode", "Decode", "Read", "Shown"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var draw = new Draw(input.Span);
        var whole = Parse(new ReadOnlySequence<byte>(input), out var command);
        var cut = Parse(Cuts.InTwo(input, draw.Below(input.Length + 1)), out _);
        Oracle.Same(whole, cut, "a command in two segments parses as in one");
        if (command is not null)
        {
            var again = Parse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(whole)), out _);
            Oracle.Same(whole, again, "a command that is written again parses to the same");
            if (command is ListCommand list) Patterns(list);
        }
        AppendGrammar.IsMessageNext(input, utf8: false, out _);
        foreach (var token in Encoding.Latin1.GetString(input.Span).Split(' '))
        {
            Set(token, (uint)draw.Below(8));
            Utf7(Encoding.Latin1.GetBytes(token));
            _ = MessageUrl.TryParse(token, out _);
            _ = AuthorizedUrl.TryParse(token, out _);
        }
    }

    // As ImapSession does it. The text is the command as ImapText writes it, or what was wrong with it.
    private static string Parse(in ReadOnlySequence<byte> text, out Command? command)
    {
        command = null;
        var r = new GrammarReader(text);
        if (!r.ExpectTag(out var tag) || !r.ExpectSpace()) return Fault(r, text);
        if (!Verb.TryRead(ref r, out var verb)) return "unknown";
        if (!verb.Parse(ref r, out command))
        {
            command = null;
            return Fault(r, text);
        }
        Oracle.Holds(r.End, "a command that parses is read to its end");
        return Encoding.Latin1.GetString(ImapText.Of(tag, verb, command));
    }

    private static string Fault(in GrammarReader r, in ReadOnlySequence<byte> text)
    {
        Oracle.Holds(r.Fault is not null, "what does not parse has a fault");
        var fault = r.Fault!.Value;
        Oracle.Holds(fault.At >= 0 && fault.At <= text.Length, "a fault lies inside the command");
        return fault.ToString();
    }

    // The reference reads a set with Split and asks of numbers whether they are in it.
    private static void Set(string token, uint star)
    {
        var ranges = token.Split(',').Select(r => r.Split(':')).ToArray();
        if (token == "$") return;
        var isSet = ranges.All(r => r.Length <= 2 && r.All(IsNumber)) && ranges.Length <= ImapLimits.SequenceRangesMax;
        var r = new GrammarReader(Encoding.Latin1.GetBytes(token));
        Oracle.Holds((SequenceSet.ExpectFrom(ref r, out var set) && r.End) == isSet, "a sequence set is what the reference takes for one");
        if (!isSet) return;
        var bounds = ranges.Select(r => (A: Value(r[0], star), B: Value(r[^1], star))).Where(r => r.A != 0 && r.B != 0)
            .Select(r => (Low: Math.Min(r.A, r.B), High: Math.Max(r.A, r.B))).ToArray();
        var resolved = set.Resolve(star);
        foreach (var number in bounds.SelectMany(b => new[] { b.Low - 1, b.Low, b.High, b.High + 1 }).Distinct().Take(40))
        {
            Oracle.Holds(
                bounds.Any(b => b.Low <= number && number <= b.High) == resolved.Any(x => x.First <= number && number <= x.Last),
                "a set holds what was written in it");
        }
        for (var i = 1; i < resolved.Count; i++)
            Oracle.Holds(resolved[i].First > resolved[i - 1].Last + 1UL, "resolved ranges rise and do not touch");
        var text = new UidSetText();
        var small = resolved.Where(x => x.Last - x.First < 4).ToList();
        foreach (var range in small)
        {
            for (ulong uid = range.First; uid <= range.Last; uid++) text.Add(new Uid((uint)uid));
        }
        var expected = string.Join(',', small.Select(x => x.First == x.Last ? $"{x.First}" : $"{x.First}:{x.Last}"));
        Oracle.Same(expected, text.ToString(), "a UID set is written in ranges");
    }

    private static bool IsNumber(string text) => text == "*"
        || (text.Length > 0 && text.All(char.IsAsciiDigit) && text.TrimStart('0').Length is > 0 and <= 10
            && ulong.Parse(text.TrimStart('0'), CultureInfo.InvariantCulture) <= uint.MaxValue);

    private static ulong Value(string text, uint star) => text == "*" ? star : ulong.Parse(text.TrimStart('0'), CultureInfo.InvariantCulture);

    // RFC 3501 §5.1.3: each name has one encoding.
    private static void Utf7(byte[] token)
    {
        if (ModifiedUtf7.TryDecode(token, out var name)) Oracle.Same(token, ModifiedUtf7.Encode(name), "a name in modified UTF-7 encodes as it was");
        var text = Encoding.UTF8.GetString(token);
        Oracle.Holds(ModifiedUtf7.TryDecode(ModifiedUtf7.Encode(text), out var back), "what is encoded in modified UTF-7 decodes");
        Oracle.Same(text, back, "a name comes back from modified UTF-7");
    }

    private static void Patterns(ListCommand list)
    {
        foreach (var text in list.Patterns)
        {
            if (text.Length > 40) continue;
            var pattern = new ListPattern(text);
            var without = text.Replace("*", "", StringComparison.Ordinal);
            foreach (var name in (string[])["INBOX", "a/b", text, without, text.Replace('%', 'x'), text.Replace('*', '/')])
            {
                var expected = Matches(text, name) || (name == "INBOX" && Matches(text.ToUpperInvariant(), name));
                Oracle.Holds(pattern.Matches(name) == expected, "a LIST pattern matches what the reference matches");
            }
        }
    }

    // RFC 9051 §6.3.9, straight from its words, each pair of places once.
    private static bool Matches(string pattern, string name)
    {
        var known = new Dictionary<(int, int), bool>();
        return At(0, 0);

        bool At(int p, int n)
        {
            if (known.TryGetValue((p, n), out var done)) return done;
            var yes = p == pattern.Length ? n == name.Length : pattern[p] switch
            {
                '*' => At(p + 1, n) || (n < name.Length && At(p, n + 1)),
                '%' => At(p + 1, n) || (n < name.Length && name[n] != '/' && At(p, n + 1)),
                var c => n < name.Length && name[n] == c && At(p + 1, n + 1),
            };
            return known[(p, n)] = yes;
        }
    }
}
