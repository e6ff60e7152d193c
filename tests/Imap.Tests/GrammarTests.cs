using System.Buffers;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap.Tests;

/// <summary>Every grammar of the verb table, over whole commands, every cut of them in two, every strict prefix, and noise.</summary>
public sealed class GrammarTests
{
    private static readonly string[] Commands =
    [
        "CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "NAMESPACE", "IDLE",
        "AUTHENTICATE PLAIN", "AUTHENTICATE PLAIN =", "AUTHENTICATE PLAIN AGFubgBwdw==", "LOGIN ann pw", "LOGIN \"a \\\"n\\\\n\" {3}\r\npwd",
        "ENABLE CONDSTORE X", "ID NIL", "ID (\"name\" \"x\" \"version\" NIL)", "ID ()", "SELECT INBOX", "EXAMINE \"a b\"", "CREATE a/b",
        "CREATE a (USE (\\Sent))", "DELETE {1}\r\na", "RENAME a b", "SUBSCRIBE &Jjo-", "UNSUBSCRIBE a",
        "LIST \"\" *",
        "LIST (SUBSCRIBED RECURSIVEMATCH) a (% \"b*\") RETURN (CHILDREN STATUS (MESSAGES UNSEEN) SUBSCRIBED)",
        "LIST () \"\" %", "LSUB \"\" %",
        "STATUS a (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED)",
        "APPEND a {3}\r\nabc", "APPEND a (\\Seen k) \" 1-Jan-2026 00:00:00 +0000\" {3+}\r\nabc \"11-Jan-2026 23:59:60 -1400\" {1}\r\nx",
        "UID EXPUNGE 1:*,3", "SEARCH ALL", "SEARCH RETURN (MIN MAX) CHARSET UTF-8 OR (SEEN NOT 1:2) (UID 3,4:* FROM {2}\r\nab) HEADER a \"b\"",
        "SEARCH BEFORE 1-Feb-2026 SENTSINCE \"2-Feb-2026\" LARGER 1 SMALLER 99 KEYWORD k UNKEYWORD k",
        "UID SEARCH RETURN () SUBJECT a BODY b TEXT c TO d",
        "FETCH 1 ALL", "FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE RFC822 RFC822.HEADER RFC822.TEXT)",
        "FETCH 2,4:7,9 BODY.PEEK[1.2.HEADER.FIELDS.NOT (a \"b\" {1}\r\nc)]<0.5>", "UID FETCH 1 (BODY[] BODY[TEXT]<1.2> BODY[3.MIME] BODY[HEADER])",
        "STORE 1 FLAGS (\\Seen k)", "STORE 1:2 +FLAGS.SILENT \\Deleted k", "UID STORE * -FLAGS ()", "COPY 1 a", "UID COPY 1:2 \"a b\"", "MOVE 1 a",
        "UID MOVE 1,2 a", "SELECT a (CONDSTORE QRESYNC (67890007 90060115194045000 41,43:211 (1:3,9 4:6,12)))", "EXAMINE a (QRESYNC (1 2))",
        "ENABLE QRESYNC CONDSTORE", "STORE 1 (UNCHANGEDSINCE 12) +FLAGS.SILENT (\\Seen)", "FETCH 1:* (FLAGS MODSEQ) (CHANGEDSINCE 12)",
        "UID FETCH $ FLAGS (CHANGEDSINCE 12 VANISHED PARTIAL -1:-30)", "SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338",
        "SEARCH RETURN (SAVE CONTEXT UPDATE PARTIAL 1:500) OR $ OLDER 60 UID $", "STATUS a (HIGHESTMODSEQ)",
        "SORT RETURN (MIN) (SUBJECT REVERSE DATE DISPLAYFROM) UTF-8 MODSEQ 1", "UID SORT (SIZE) US-ASCII ALL", "THREAD REFERENCES UTF-8 ALL",
        "UID THREAD ORDEREDSUBJECT \"UTF-8\" 1:3", "ESEARCH IN (personal subtree-one a mailboxes (b \"c d\")) RETURN (COUNT) CHARSET UTF-8 ALL",
        "ESEARCH ALL", "CANCELUPDATE \"a\" \"b\"", "UIDBATCHES 2000", "UIDBATCHES 500 2:3", "APPEND a UTF8 (~{3+}\r\nabc)",
        "UNAUTHENTICATE", "COMPRESS DEFLATE", "GETQUOTA \"\"", "GETQUOTAROOT INBOX", "SETQUOTA \"\" (STORAGE 512 MESSAGE 7)", "SETQUOTA \"\" ()",
        "GETMETADATA INBOX /shared/comment", "GETMETADATA (MAXSIZE 8 DEPTH infinity) \"\" (/private/a /shared/b)",
        "SETMETADATA INBOX (/private/a NIL /shared/b ~{1+}\r\nx)", "LIST \"\" * RETURN (METADATA (/private/a /shared/b))",
        "RESETKEY", "RESETKEY INBOX INTERNAL", "GENURLAUTH \"imap://a@b/INBOX/;UID=1;URLAUTH=user+a\" INTERNAL",
        "URLFETCH \"imap://a@b/INBOX/;UID=1\" b",
        "REPLACE 1 INBOX (\\Seen) {1+}\r\nx", "UID REPLACE 9 a ~{1+}\r\nx",
        "APPEND a CATENATE (URL \"/INBOX/;UID=1\" TEXT {1+}\r\nx)", "UID FETCH 1 (BINARY[1] BINARY.PEEK[2.1]<0.9> BINARY.SIZE[1] PREVIEW (LAZY))",
        "FETCH 1 (EMAILID THREADID SAVEDATE PREVIEW)", "SEARCH EMAILID a THREADID b SAVEDBEFORE 1-Feb-2026 SAVEDATESUPPORTED",
        "STATUS a (MAILBOXID APPENDLIMIT DELETED DELETED-STORAGE)", "NOTIFY NONE",
        "NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) (personal (MailboxName)) (subtree (a b) NONE)",
        "NOTIFY SET STATUS (selected-delayed MessageNew MessageExpunge) (mailboxes a (AnnotationChange ServerMetadataChange))",
        "SEARCH RETURN (UPDATE (UID FLAGS) COUNT) ALL",
    ];

    public static TheoryData<string> All => [.. Commands];

    [Theory]
    [MemberData(nameof(All))]
    public void A_command_is_read_whole_and_cut_in_two(string command)
    {
        var octets = Encoding.Latin1.GetBytes(command);
        Assert.True(Reads(new ReadOnlySequence<byte>(octets)), command);
        for (var cut = 0; cut <= octets.Length; cut++) Assert.True(Reads(Cut(octets, cut)), $"cut at {cut}");
        Assert.True(Reads(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(LowerOutsideOfStrings(command)))), "in lower case");
    }

    // A prefix that is a command itself is another command; what must not happen is that the grammar throws or reads beyond it.
    [Theory]
    [MemberData(nameof(All))]
    public void A_prefix_never_throws_and_what_follows_a_command_is_a_fault(string command)
    {
        var octets = Encoding.Latin1.GetBytes(command);
        for (var length = 0; length < octets.Length; length++) Reads(new ReadOnlySequence<byte>(octets.AsMemory(0, length)));
        Assert.False(Reads(new ReadOnlySequence<byte>([.. octets, (byte)')'])), "with a parenthesis too many");
    }

    [Fact]
    public void Every_verb_of_the_table_is_among_these_commands()
    {
        var read = Commands.Select(command => VerbOf(command)).ToHashSet(StringComparer.Ordinal);
        Assert.Subset(read, Verb.Table.Select(verb => verb.Name).ToHashSet(StringComparer.Ordinal));
    }

    [Fact]
    public void Random_octets_never_throw()
    {
        var random = new Random(4711);
        for (var i = 0; i < 20_000; i++)
        {
            var octets = new byte[random.Next(60)];
            random.NextBytes(octets);
            Reads(new ReadOnlySequence<byte>(octets));
        }
    }

    // Commands with octets changed, taken out and doubled come further than noise does.
    [Fact]
    public void Damaged_commands_never_throw()
    {
        const string Alphabet = "()[]{}<>\"\\*%,.:&+- \r\n\0 019azAZ\u00E9";
        var random = new Random(4712);
        for (var i = 0; i < 60_000; i++)
        {
            var octets = Encoding.Latin1.GetBytes(Commands[random.Next(Commands.Length)]).ToList();
            for (var n = random.Next(1, 4); n > 0; n--)
            {
                var at = random.Next(octets.Count);
                switch (random.Next(3))
                {
                    case 0:
                        octets[at] = (byte)Alphabet[random.Next(Alphabet.Length)];
                        break;
                    case 1 when octets.Count > 1:
                        octets.RemoveAt(at);
                        break;
                    default:
                        octets.InsertRange(at, octets.GetRange(at, Math.Min(random.Next(1, 8), octets.Count - at)));
                        break;
                }
            }
            byte[] damaged = [.. octets];
            var whole = Reads(new ReadOnlySequence<byte>(damaged));
            Assert.Equal(whole, Reads(Cut(damaged, random.Next(damaged.Length + 1))));
        }
    }

    [Theory]
    [InlineData("1", "1")]
    [InlineData("3:1,2", "1-3")]
    [InlineData("*", "9")]
    [InlineData("*:8,1", "1-1 8-9")]
    [InlineData("12:*", "9-12")]
    [InlineData("5,5,5:6,7", "5-7")]
    [InlineData("4294967295,4294967294:*", "9-4294967295")]
    public void A_sequence_set_means_what_the_rfc_says(string text, string expected)
    {
        var r = new GrammarReader(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(text)));
        Assert.True(SequenceSet.ExpectFrom(ref r, out var set) && r.End);
        var ranges = set.Resolve(9).Select(range => expected.Contains('-') ? $"{range.First}-{range.Last}" : $"{range.First}");
        Assert.Equal(expected, string.Join(' ', ranges));
    }

    [Theory]
    [InlineData("Entwürfe", "Entw&APw-rfe")]
    [InlineData("a&b", "a&-b")]
    [InlineData("台北", "&U,BTFw-")]
    [InlineData("😀", "&2D3eAA-")]
    [InlineData("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-")]
    public void A_name_has_one_encoding(string name, string encoded)
    {
        Assert.Equal(encoded, Encoding.ASCII.GetString(ModifiedUtf7.Encode(name)));
        Assert.True(ModifiedUtf7.TryDecode(Encoding.ASCII.GetBytes(encoded), out var decoded));
        Assert.Equal(name, decoded);
    }

    [Theory]
    [InlineData("&Jjo!")]
    [InlineData("&Jjo")]
    [InlineData("&")]
    [InlineData("&AGE-")]
    [InlineData("&2D0-")]
    [InlineData("&U,BT-&Fw-")]
    [InlineData("\u00FC")]
    public void What_is_no_encoding_is_not_decoded(string encoded) =>
        Assert.False(ModifiedUtf7.TryDecode(Encoding.Latin1.GetBytes(encoded), out _));

    private static bool Reads(in ReadOnlySequence<byte> text)
    {
        var r = new GrammarReader(text);
        if (!Verb.TryRead(ref r, out var verb)) return false;
        var ok = verb.Parse(ref r, out var command);
        Assert.Equal(ok, command is not null && r.End && r.Fault is null);
        return ok;
    }

    private static string VerbOf(string command)
    {
        var r = new GrammarReader(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(command)));
        return Verb.TryRead(ref r, out var verb) ? verb.Name : "";
    }

    private static string LowerOutsideOfStrings(string command)
    {
        // Base64 is the one thing that tells case apart.
        var end = command.StartsWith("AUTHENTICATE", StringComparison.Ordinal) ? 18 : command.Length;
        return command[..end].ToLowerInvariant() + command[end..];
    }

    private static ReadOnlySequence<byte> Cut(byte[] octets, int at)
    {
        var first = new Segment(octets.AsMemory(0, at), 0);
        var last = first.Add(octets.AsMemory(at));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long start) => (Memory, RunningIndex) = (memory, start);

        public Segment Add(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
