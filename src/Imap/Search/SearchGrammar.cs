using System.Buffers;
using System.Text;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>Reads a search program (RFC 3501 §6.4.4) within its limits of depth and number.</summary>
internal ref struct SearchGrammar(bool decode)
{
    // RFC 8474 §7 objectid.
    private static readonly SearchValues<byte> ObjectIdBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"u8);

    private int _keys;

    /// <summary>search-key *(SP search-key)</summary>
    public bool ExpectProgram(ref GrammarReader r, out SearchKey program)
    {
        return ExpectKeys(ref r, 0, out program);
    }

    private bool ExpectKeys(ref GrammarReader r, int depth, out SearchKey key)
    {
        var keys = new List<SearchKey>();
        key = new AndKey(keys);
        do
        {
            if (!ExpectKey(ref r, depth, out var one)) return false;
            keys.Add(one);
        }
        while (r.TrySpace());
        if (keys.Count == 1) key = keys[0];
        return true;
    }

    private bool ExpectKey(ref GrammarReader r, int depth, out SearchKey key)
    {
        key = new ConstantKey(true);
        if (++_keys > ImapLimits.SearchKeysMax) return r.Missing($"at most {ImapLimits.SearchKeysMax} search keys");
        if (depth > ImapLimits.SearchDepthMax) return r.Missing($"a search at most {ImapLimits.SearchDepthMax} levels deep");
        if (r.TryByte((byte)'(')) return ExpectKeys(ref r, depth + 1, out key) && r.ExpectByte((byte)')', "\")\"");
        if (SequenceSet.BeginsAt(r))
        {
            if (!SequenceSet.ExpectFrom(ref r, out var set)) return false;
            key = new NumberKey(set, ByUid: false);
            return true;
        }
        var mark = r;
        if (!r.TryAtom(32, out var name)) return r.Missing("search key");
        name = name.ToUpperInvariant();
        if (TryPlain(name, out key)) return true;
        var known = ExpectArgument(ref r, name, depth, out key);
        if (known is { } ok) return ok;
        r.Restore(mark);
        return r.Missing("search key");
    }

    // The keys that are one word.
    private static bool TryPlain(string name, out SearchKey key)
    {
        key = name switch
        {
            "ALL" => new ConstantKey(true),
            "RECENT" => new RecentKey(true),
            "OLD" => new RecentKey(false),
            "NEW" => new AndKey([new RecentKey(true), new FlagKey(SystemFlags.Seen, false)]),
            "ANSWERED" => new FlagKey(SystemFlags.Answered, true),
            "DELETED" => new FlagKey(SystemFlags.Deleted, true),
            "DRAFT" => new FlagKey(SystemFlags.Draft, true),
            "FLAGGED" => new FlagKey(SystemFlags.Flagged, true),
            "SEEN" => new FlagKey(SystemFlags.Seen, true),
            "UNANSWERED" => new FlagKey(SystemFlags.Answered, false),
            "UNDELETED" => new FlagKey(SystemFlags.Deleted, false),
            "UNDRAFT" => new FlagKey(SystemFlags.Draft, false),
            "UNFLAGGED" => new FlagKey(SystemFlags.Flagged, false),
            "UNSEEN" => new FlagKey(SystemFlags.Seen, false),
            "SAVEDATESUPPORTED" => new ConstantKey(true), // RFC 8514 §4.3
            _ => null!,
        };
        return key is not null;
    }

    // The keys with arguments. Null when the name is none of them.
    private bool? ExpectArgument(ref GrammarReader r, string name, int depth, out SearchKey key)
    {
        key = new ConstantKey(true);
        switch (name)
        {
            case "BEFORE" or "ON" or "SINCE" or "SENTBEFORE" or "SENTON" or "SENTSINCE" or "SAVEDBEFORE" or "SAVEDON" or "SAVEDSINCE":
                return ExpectDate(ref r, name, out key);
            case "BCC" or "CC" or "FROM" or "TO":
                if (!ExpectNeedle(ref r, out var person)) return false;
                key = new AddressKey(Enum.Parse<AddressField>(name, ignoreCase: true), person);
                return true;
            case "SUBJECT":
                if (!ExpectNeedle(ref r, out var subject)) return false;
                key = new SubjectKey(subject);
                return true;
            case "BODY" or "TEXT":
                if (!ExpectNeedle(ref r, out var text)) return false;
                key = new TextKey(text, WithHeader: name == "TEXT");
                return true;
            case "HEADER":
                if (!(r.ExpectSpace() && r.ExpectAstring(998, "header name", out var field) && ExpectNeedle(ref r, out var value))) return false;
                key = new HeaderKey(Encoding.Latin1.GetString(field), value);
                return true;
            case "KEYWORD" or "UNKEYWORD":
                if (!(r.ExpectSpace() && r.ExpectAtom(ImapGrammar.KeywordOctetsMax, "keyword", out var keyword))) return false;
                key = new KeywordKey(keyword, name == "KEYWORD");
                return true;
            case "LARGER" or "SMALLER":
                if (!(r.ExpectSpace() && r.ExpectNumber(long.MaxValue, "number of octets", out var octets))) return false;
                key = new SizeKey(name == "LARGER", (long)octets);
                return true;
            case "MODSEQ":
                if (!ExpectModSeq(ref r, out var since)) return false;
                key = new ModSeqKey(since);
                return true;
            case "EMAILID" or "THREADID":
                if (!(r.ExpectSpace() && r.ExpectText(ObjectIdBytes, 255, "object id", out var id))) return false;
                key = new ObjectIdKey(id, name == "THREADID");
                return true;
            case "OLDER" or "YOUNGER":
                if (!(r.ExpectSpace() && r.ExpectNumber(uint.MaxValue, "number of seconds", out var seconds))) return false;
                if (seconds == 0) return r.Missing("number of seconds above 0");
                key = new AgeKey(name == "OLDER", (uint)seconds);
                return true;
            case "UID":
                if (!(r.ExpectSpace() && SequenceSet.ExpectFrom(ref r, out var set))) return false;
                key = new NumberKey(set, ByUid: true);
                return true;
            case "NOT":
                if (!(r.ExpectSpace() && ExpectKey(ref r, depth + 1, out var not))) return false;
                key = new NotKey(not);
                return true;
            case "OR":
                if (!(r.ExpectSpace() && ExpectKey(ref r, depth + 1, out var left)
                    && r.ExpectSpace() && ExpectKey(ref r, depth + 1, out var right))) return false;
                key = new OrKey(left, right);
                return true;
            default:
                return null;
        }
    }

    private static bool ExpectDate(ref GrammarReader r, string name, out SearchKey key)
    {
        var kind = name.StartsWith("SENT", StringComparison.Ordinal) ? DateKind.Sent
            : name.StartsWith("SAVED", StringComparison.Ordinal) ? DateKind.Saved
            : DateKind.Received;
        key = new ConstantKey(true);
        if (!(r.ExpectSpace() && ImapDate.ExpectDate(ref r, out var date))) return false;
        var relation = (kind == DateKind.Sent ? name[4..] : kind == DateKind.Saved ? name[5..] : name) switch
        {
            "BEFORE" => DateRelation.Before,
            "ON" => DateRelation.On,
            _ => DateRelation.Since,
        };
        key = new DateKey(relation, date, kind);
        return true;
    }

    // ["/flags/…" ("priv" / "shared" / "all")] mod-sequence-valzer (RFC 7162 §3.1.5)
    private static bool ExpectModSeq(ref GrammarReader r, out ModSeq since)
    {
        since = default;
        if (!r.ExpectSpace()) return false;
        if (r.TryPeek(out var next) && next == '"')
        {
            if (!(r.ExpectString(ImapGrammar.KeywordOctetsMax + 8, "entry name", out _) && r.ExpectSpace())) return false;
            if (!(r.TryWord("PRIV"u8) || r.TryWord("SHARED"u8) || r.TryWord("ALL"u8))) return r.Missing("priv, shared or all");
            if (!r.ExpectSpace()) return false;
        }
        return r.ExpectModSeq(0, out since);
    }

    private readonly bool ExpectNeedle(ref GrammarReader r, out string needle)
    {
        needle = "";
        if (!(r.ExpectSpace() && r.ExpectAstring(ImapLimits.InlineLiteralOctetsMax, "string", out var octets))) return false;
        if (!decode) return true; // the charset is refused once the program is known to be one
        return ImapGrammar.TryDecode(octets, out needle) || r.Missing("string in UTF-8");
    }
}
