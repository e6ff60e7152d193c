using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>What a client knows of the mailbox it selects again (RFC 7162 §3.2.5).</summary>
/// <param name="Uids">The UIDs it has; null for all up to the last one it saw.</param>
internal sealed record QResyncParameter(uint UidValidity, ModSeq ModSeq, SequenceSet? Uids, SequenceMatch? Match)
{
    /// <summary>"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"</summary>
    public static bool ExpectFrom(ref GrammarReader r, out QResyncParameter known)
    {
        known = new QResyncParameter(0, default, null, null);
        if (!(r.ExpectByte((byte)'(', "\"(\"") && r.ExpectNumber(uint.MaxValue, "UIDVALIDITY", out var uidValidity)
              && r.ExpectSpace() && r.ExpectModSeq(0, out var modSeq))) return false;
        SequenceSet? uids = null;
        SequenceMatch? match = null;
        if (r.TrySpace())
        {
            var matchFollows = true;
            if (SequenceSet.BeginsAt(r))
            {
                if (!SequenceSet.ExpectKnown(ref r, out uids)) return false;
                matchFollows = r.TrySpace();
            }
            if (matchFollows && !SequenceMatch.ExpectFrom(ref r, out match)) return false;
        }
        known = new QResyncParameter((uint)uidValidity, modSeq, uids, match);
        return r.ExpectByte((byte)')', "\")\"");
    }
}

/// <summary>Message numbers with the UIDs they had (RFC 7162 §3.2.5.2), pair by pair.</summary>
internal sealed record SequenceMatch(SequenceSet Numbers, SequenceSet Uids)
{
    /// <summary>"(" known-sequence-set SP known-uid-set ")"</summary>
    public static bool ExpectFrom(ref GrammarReader r, out SequenceMatch? match)
    {
        match = null;
        if (!(r.ExpectByte((byte)'(', "\"(\"") && SequenceSet.ExpectKnown(ref r, out var numbers)
              && r.ExpectSpace() && SequenceSet.ExpectKnown(ref r, out var uids) && r.ExpectByte((byte)')', "\")\""))) return false;
        match = new SequenceMatch(numbers, uids);
        return true;
    }

    /// <summary>The UID behind the last pair that still holds: up to there nothing has gone.</summary>
    public uint FirstDoubtful(MailboxSnapshot snapshot)
    {
        var doubtful = 1U;
        using var uid = Each(Uids).GetEnumerator();
        foreach (var number in Each(Numbers))
        {
            if (!uid.MoveNext() || number > snapshot.Count || snapshot[(int)number - 1].Uid.Value != uid.Current) break;
            doubtful = uid.Current + 1;
        }
        return doubtful;

        static IEnumerable<uint> Each(SequenceSet set)
        {
            foreach (var range in set.Resolve(0))
            {
                for (var number = (ulong)range.First; number <= range.Last; number++) yield return (uint)number;
            }
        }
    }
}
