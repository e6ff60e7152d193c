using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>One property of a FilterCondition (RFC 8621 §4.4.1).</summary>
internal abstract record EmailTest
{
    public abstract Verdict Test(EmailCandidate candidate, QueryScope scope);

    /// <summary>Its outcome for an Email depends on others of the same Thread.</summary>
    public virtual bool LooksAtThreads => false;

    protected static Verdict Of(bool matches) => matches ? Verdict.Yes : Verdict.No;
}

internal sealed record InMailboxTest(MailboxId? Mailbox) : EmailTest
{
    public override Verdict Test(EmailCandidate candidate, QueryScope scope) => Of(scope.LiesIn(candidate, mailbox => mailbox == Mailbox));
}

internal sealed record OtherMailboxTest(HashSet<MailboxId> Mailboxes) : EmailTest
{
    public override Verdict Test(EmailCandidate candidate, QueryScope scope) => Of(scope.LiesIn(candidate, mailbox => !Mailboxes.Contains(mailbox)));
}

/// <summary>What the row alone decides.</summary>
internal sealed record RowTest(Func<EmailRow, bool> Matches) : EmailTest
{
    public override Verdict Test(EmailCandidate candidate, QueryScope scope) => Of(Matches(candidate.Row));
}

internal sealed record KeywordTest(string Keyword, bool Wanted) : EmailTest
{
    public override Verdict Test(EmailCandidate candidate, QueryScope scope) => Of(scope.Has(candidate.Row, Keyword) == Wanted);
}

internal enum ThreadQuantity
{
    All,
    Some,
    None,
}

internal sealed record ThreadKeywordTest(string Keyword, ThreadQuantity Quantity) : EmailTest
{
    public override bool LooksAtThreads => true;

    public override Verdict Test(EmailCandidate candidate, QueryScope scope)
    {
        var (all, with) = scope.Thread(candidate.Row, Keyword);
        return Of(Quantity switch
        {
            ThreadQuantity.All => with == all,
            ThreadQuantity.Some => with > 0,
            _ => with == 0,
        });
    }
}

/// <summary>Which texts a <see cref="TextTest"/> looks at.</summary>
internal enum TextField
{
    Any,
    From,
    To,
    Cc,
    Bcc,
    Subject,
    Body,
}

/// <summary>What only texts decide. The search index says which Emails are worth reading.</summary>
internal abstract record WordTest : EmailTest
{
    /// <summary>Words that stand in every Email that matches.</summary>
    public abstract IReadOnlyList<string> Words { get; }

    public SearchCandidates? Candidates { get; set; }

    protected bool IsOut(EmailCandidate candidate) => Candidates is { } some && !some.Contains(candidate.Row.Email);
}

internal sealed record TextTest(TextField Field, SearchTerms Terms) : WordTest
{
    public override IReadOnlyList<string> Words => Terms.Words;

    public override Verdict Test(EmailCandidate candidate, QueryScope scope)
    {
        if (Terms.Words.Count == 0) return Verdict.Yes;
        if (IsOut(candidate)) return Verdict.No;
        if (candidate.Texts is not { } texts) return Verdict.Unknown;
        switch (Field)
        {
            case TextField.From: return Of(Terms.AreIn(texts.From));
            case TextField.To: return Of(Terms.AreIn(texts.To));
            case TextField.Cc: return Of(Terms.AreIn(texts.Cc));
            case TextField.Bcc: return Of(Terms.AreIn(texts.Bcc));
            case TextField.Subject: return Of(Terms.AreIn(texts.Subject));
        }
        if (Field == TextField.Any && Terms.AreIn(texts.From, texts.To, texts.Cc, texts.Bcc, texts.Subject)) return Verdict.Yes;
        if (candidate.Words is not { } words) return Verdict.Unknown;
        return Of(Field == TextField.Body
            ? Terms.AreIn(words.Body)
            : Terms.AreIn(words.Body, texts.From, texts.To, texts.Cc, texts.Bcc, texts.Subject));
    }
}

/// <summary>A field of this name, and in its text the needle when there is one.</summary>
internal sealed record HeaderTest(string Field, string? Needle) : WordTest
{
    private readonly byte[] _name = System.Text.Encoding.Latin1.GetBytes(Field);
    private readonly string _folded = UnicodeCaseMap.Fold(Needle ?? "");

    public override IReadOnlyList<string> Words => Needle is null ? [] : [Needle];

    public override Verdict Test(EmailCandidate candidate, QueryScope scope)
    {
        if (IsOut(candidate)) return Verdict.No;
        if (!candidate.HasHeader) return Verdict.Unknown;
        foreach (var field in HeaderFields.Of(candidate.Header))
        {
            if (field.Is(_name) && (_folded.Length == 0 || UnicodeCaseMap.Contains(HeaderText.Decode(field.Value), _folded))) return Verdict.Yes;
        }
        return Verdict.No;
    }
}
