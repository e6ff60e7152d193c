using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>What a key says of a message, given what is known of it so far.</summary>
internal enum Verdict : byte
{
    No,
    Yes,

    /// <summary>More of the message must be read first.</summary>
    Unknown,
}

/// <summary>One key of a SEARCH program (RFC 9051 §6.4.4), a tree. Testing reads no more than it is given.</summary>
internal abstract record SearchKey
{
    public abstract Verdict Test(in SearchSubject subject);

    /// <summary>Gives message numbers and UIDs their meaning in the mailbox as the session sees it. False for a number beyond its end.</summary>
    public virtual bool TryBind(SelectedMailbox mailbox) => true;

    /// <summary>The keys in this tree for which the message itself must be read.</summary>
    public virtual IEnumerable<WordKey> WordKeys => [];

    /// <summary>MODSEQ stands in this tree: the reply tells the largest one.</summary>
    public virtual bool AsksForModSeq => false;

    protected static Verdict Of(bool yes) => yes ? Verdict.Yes : Verdict.No;
}

/// <summary>ALL.</summary>
internal sealed record ConstantKey(bool Value) : SearchKey
{
    public override Verdict Test(in SearchSubject subject) => Of(Value);
}

/// <summary>RECENT and OLD.</summary>
internal sealed record RecentKey(bool Wanted) : SearchKey
{
    public override Verdict Test(in SearchSubject subject) => Of(subject.IsRecent == Wanted);
}

internal sealed record FlagKey(SystemFlags Flag, bool Wanted) : SearchKey
{
    public override Verdict Test(in SearchSubject subject) => Of(((subject.Row.Flags.System & Flag) != 0) == Wanted);
}

internal sealed record KeywordKey(string Keyword, bool Wanted) : SearchKey
{
    public override Verdict Test(in SearchSubject subject)
    {
        foreach (var name in subject.Keywords.Names(subject.Row.Flags.KeywordSet))
        {
            if (string.Equals(name, Keyword, StringComparison.OrdinalIgnoreCase)) return Of(Wanted);
        }
        return Of(!Wanted);
    }
}

/// <summary>Message numbers or, behind UID, unique identifiers.</summary>
internal sealed record NumberKey(SequenceSet Set, bool ByUid) : SearchKey
{
    private List<NumberRange> _ranges = [];

    public override bool TryBind(SelectedMailbox mailbox)
    {
        if (!ByUid && !mailbox.Holds(Set)) return false;
        _ranges = Set.Resolve(ByUid ? mailbox.LastUid : (uint)mailbox.Count);
        return true;
    }

    public override Verdict Test(in SearchSubject subject)
    {
        return Of(NumberRange.Find(_ranges, ByUid ? subject.Row.Uid.Value : (uint)subject.Number));
    }
}

/// <summary>MODSEQ (RFC 7162 §3.1.5). There is one number for a message, whatever was changed, so the entry's name is not kept.</summary>
internal sealed record ModSeqKey(ModSeq Since) : SearchKey
{
    public override bool AsksForModSeq => true;

    public override Verdict Test(in SearchSubject subject) => Of(subject.Row.ModSeq >= Since);
}

internal sealed record SizeKey(bool Larger, long Octets) : SearchKey
{
    public override Verdict Test(in SearchSubject subject) =>
        Of(Larger ? subject.Row.SizeBytes > Octets : subject.Row.SizeBytes < Octets);
}

internal enum DateRelation : byte
{
    Before,
    On,
    Since,
}

/// <summary>BEFORE, ON, SINCE and their SENT forms. RFC 9051 §6.4.4: "disregarding time and timezone".</summary>
internal sealed record DateKey(DateRelation Relation, DateOnly Date, bool Sent) : SearchKey
{
    public override Verdict Test(in SearchSubject subject)
    {
        if (!Sent) return Compare(DateOnly.FromDateTime(subject.Row.ReceivedAt.UtcDateTime));
        if (!subject.HasDetails) return Verdict.Unknown;
        return HeaderDate.TryRead(subject.Envelope.Date.Octets, out var date) ? Compare(date) : Verdict.No;
    }

    private Verdict Compare(DateOnly date) => Of(Relation switch
    {
        DateRelation.Before => date < Date,
        DateRelation.On => date == Date,
        _ => date >= Date,
    });
}

internal sealed record NotKey(SearchKey Key) : SearchKey
{
    public override IEnumerable<WordKey> WordKeys => Key.WordKeys;

    public override bool AsksForModSeq => Key.AsksForModSeq;

    public override bool TryBind(SelectedMailbox mailbox) => Key.TryBind(mailbox);

    public override Verdict Test(in SearchSubject subject) => Key.Test(subject) switch
    {
        Verdict.Yes => Verdict.No,
        Verdict.No => Verdict.Yes,
        _ => Verdict.Unknown,
    };
}

internal sealed record OrKey(SearchKey Left, SearchKey Right) : SearchKey
{
    public override IEnumerable<WordKey> WordKeys => Left.WordKeys.Concat(Right.WordKeys);

    public override bool AsksForModSeq => Left.AsksForModSeq || Right.AsksForModSeq;

    public override bool TryBind(SelectedMailbox mailbox) => Left.TryBind(mailbox) && Right.TryBind(mailbox);

    public override Verdict Test(in SearchSubject subject)
    {
        var left = Left.Test(subject);
        if (left == Verdict.Yes) return Verdict.Yes;
        var right = Right.Test(subject);
        return right == Verdict.Yes ? Verdict.Yes : left == Verdict.Unknown ? left : right;
    }
}

/// <summary>Keys side by side: all must match.</summary>
internal sealed record AndKey(IReadOnlyList<SearchKey> Keys) : SearchKey
{
    public override IEnumerable<WordKey> WordKeys => Keys.SelectMany(key => key.WordKeys);

    public override bool AsksForModSeq => Keys.Any(key => key.AsksForModSeq);

    public override bool TryBind(SelectedMailbox mailbox)
    {
        foreach (var key in Keys)
        {
            if (!key.TryBind(mailbox)) return false;
        }
        return true;
    }

    public override Verdict Test(in SearchSubject subject)
    {
        var verdict = Verdict.Yes;
        foreach (var key in Keys)
        {
            var one = key.Test(subject);
            if (one == Verdict.No) return Verdict.No;
            if (one == Verdict.Unknown) verdict = Verdict.Unknown;
        }
        return verdict;
    }
}
