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

/// <summary>What stands somewhere in a program and matters to whoever runs it.</summary>
[Flags]
internal enum SearchTraits : byte
{
    None = 0,

    /// <summary>MODSEQ: the reply tells the largest one (RFC 7162 §3.1.5).</summary>
    ModSeq = 1,

    /// <summary>Message numbers.</summary>
    Numbers = 2,
}

/// <summary>Where and when a program is run.</summary>
internal readonly record struct SearchBinding(SelectedMailbox Mailbox, DateTimeOffset Now, bool AnyNumber);

/// <summary>One key of a SEARCH program (RFC 9051 §6.4.4), a tree. Testing reads no more than it is given.</summary>
internal abstract record SearchKey
{
    public abstract Verdict Test(in SearchSubject subject);

    /// <summary>Gives message numbers, UIDs and ages their meaning now, in the mailbox as the session sees it. False for a number beyond its
    /// end.</summary>
    public virtual bool TryBind(in SearchBinding binding) => true;

    /// <summary>The keys in this tree for which the message itself must be read.</summary>
    public virtual IEnumerable<WordKey> WordKeys => [];

    public virtual SearchTraits Traits => SearchTraits.None;

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

/// <summary>Message numbers or, behind UID, unique identifiers. Numbers mean what they mean now (RFC 5267 §4.3), so they are bound as UIDs.</summary>
internal sealed record NumberKey(SequenceSet Set, bool ByUid) : SearchKey
{
    private List<NumberRange> _uids = [];

    public override SearchTraits Traits => ByUid || Set.IsSaved ? SearchTraits.None : SearchTraits.Numbers;

    public override bool TryBind(in SearchBinding binding)
    {
        if (!ByUid && !binding.AnyNumber && !binding.Mailbox.Holds(Set)) return false;
        _uids = binding.Mailbox.UidsOf(Set, ByUid);
        return true;
    }

    public override Verdict Test(in SearchSubject subject) => Of(NumberRange.Find(_uids, subject.Row.Uid.Value));
}

/// <summary>MODSEQ (RFC 7162 §3.1.5). There is one number for a message, whatever was changed, so the entry's name is not kept.</summary>
internal sealed record ModSeqKey(ModSeq Since) : SearchKey
{
    public override SearchTraits Traits => SearchTraits.ModSeq;

    public override Verdict Test(in SearchSubject subject) => Of(subject.Row.ModSeq >= Since);
}

/// <summary>EMAILID and THREADID (RFC 8474 §6); an id that is none matches nothing.</summary>
internal sealed record ObjectIdKey(string Id, bool IsThread) : SearchKey
{
    private EmailId? _email;
    private ThreadId? _thread;

    public override bool TryBind(in SearchBinding binding)
    {
        var account = binding.Mailbox.View.Account;
        _email = !IsThread && ObjectId.TryEmail(Id, account, out var email) ? email : null;
        _thread = IsThread && ObjectId.TryThread(Id, account, out var thread) ? thread : null;
        return true;
    }

    public override Verdict Test(in SearchSubject subject) => Of(subject.Row.Email == _email || subject.Row.Thread == _thread);
}

internal sealed record SizeKey(bool Larger, long Octets) : SearchKey
{
    public override Verdict Test(in SearchSubject subject) =>
        Of(Larger ? subject.Row.SizeBytes > Octets : subject.Row.SizeBytes < Octets);
}

/// <summary>OLDER and YOUNGER (RFC 5032 §2): so many seconds before the search.</summary>
internal sealed record AgeKey(bool Older, uint Seconds) : SearchKey
{
    private DateTimeOffset _then;

    public override bool TryBind(in SearchBinding binding)
    {
        _then = binding.Now.AddSeconds(-(double)Seconds);
        return true;
    }

    public override Verdict Test(in SearchSubject subject) =>
        Of(Older ? subject.Row.ReceivedAt <= _then : subject.Row.ReceivedAt >= _then);
}

internal enum DateRelation : byte
{
    Before,
    On,
    Since,
}

/// <summary>Which date of a message is looked at.</summary>
internal enum DateKind : byte
{
    Received,

    /// <summary>That of its header.</summary>
    Sent,

    /// <summary>When it came into this mailbox (RFC 8514 §4.3).</summary>
    Saved,
}

/// <summary>BEFORE, ON, SINCE and their SENT and SAVED forms. RFC 9051 §6.4.4: "disregarding time and timezone".</summary>
internal sealed record DateKey(DateRelation Relation, DateOnly Date, DateKind Kind) : SearchKey
{
    public override Verdict Test(in SearchSubject subject)
    {
        if (Kind == DateKind.Received) return Compare(DateOnly.FromDateTime(subject.Row.ReceivedAt.UtcDateTime));
        if (Kind == DateKind.Saved) return Compare(DateOnly.FromDateTime(subject.Row.SavedAt.UtcDateTime));
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

    public override SearchTraits Traits => Key.Traits;

    public override bool TryBind(in SearchBinding binding) => Key.TryBind(binding);

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

    public override SearchTraits Traits => Left.Traits | Right.Traits;

    public override bool TryBind(in SearchBinding binding) => Left.TryBind(binding) && Right.TryBind(binding);

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

    public override SearchTraits Traits => Keys.Aggregate(SearchTraits.None, (all, key) => all | key.Traits);

    public override bool TryBind(in SearchBinding binding)
    {
        foreach (var key in Keys)
        {
            if (!key.TryBind(binding)) return false;
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
