using System.Text;
using System.Text.RegularExpressions;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>Whose addresses a key looks at.</summary>
internal enum AddressField : byte
{
    From,
    To,
    Cc,
    Bcc,
}

/// <summary>FROM, TO, CC and BCC: a substring of the header's text (RFC 9051 §6.4.4).</summary>
internal sealed record AddressKey(AddressField Field, string Needle) : SearchKey
{
    private readonly string _folded = UnicodeCaseMap.Fold(Needle);

    public override Verdict Test(in SearchSubject subject)
    {
        if (!subject.HasDetails) return Verdict.Unknown;
        var list = Field switch
        {
            AddressField.From => subject.Envelope.From,
            AddressField.To => subject.Envelope.To,
            AddressField.Cc => subject.Envelope.Cc,
            _ => subject.Envelope.Bcc,
        };
        foreach (var address in list)
        {
            if (Matches(address)) return Verdict.Yes;
        }
        return Verdict.No;
    }

    // As people write it: Name <mailbox@host>.
    private bool Matches(AddressView address)
    {
        var text = HeaderText.DecodePhrase(address.Name.Octets);
        var mailbox = Encoding.UTF8.GetString(address.Mailbox.Octets);
        var host = Encoding.UTF8.GetString(address.Host.Octets);
        return UnicodeCaseMap.Contains($"{text} <{mailbox}@{host}>", _folded);
    }
}

/// <summary>SUBJECT: a substring of the decoded subject.</summary>
internal sealed record SubjectKey(string Needle) : SearchKey
{
    private readonly string _folded = UnicodeCaseMap.Fold(Needle);

    public override Verdict Test(in SearchSubject subject)
    {
        if (!subject.HasDetails) return Verdict.Unknown;
        if (subject.Envelope.Subject.IsNil) return Verdict.No;
        return Of(UnicodeCaseMap.Contains(HeaderText.Decode(subject.Envelope.Subject.Octets), _folded));
    }
}

/// <summary>A key that only the message itself can decide. The search index says which messages are worth reading.</summary>
internal abstract record WordKey : SearchKey
{
    /// <summary>Looks into the parts, not only the header.</summary>
    public abstract bool ReadsBody { get; }

    /// <summary>Substrings that stand in the words of every message that matches.</summary>
    public abstract IReadOnlyList<string> Words { get; }

    /// <summary>What the index proposes for <see cref="Words"/>; null when it was not asked.</summary>
    public SearchCandidates? Candidates { get; set; }

    public override IEnumerable<WordKey> WordKeys => [this];

    public override Verdict Test(in SearchSubject subject)
    {
        if (subject.Text is { } text) return Of(Matches(text));
        return Candidates is { } some && !some.Contains(subject.Row.Email) ? Verdict.No : Verdict.Unknown;
    }

    protected abstract bool Matches(MessageText text);
}

/// <summary>HEADER: a field of this name whose text has the substring; an empty one asks only for the field.</summary>
internal sealed record HeaderKey(string Field, string Needle) : WordKey
{
    public override bool ReadsBody => false;

    public override IReadOnlyList<string> Words => [Needle];

    protected override bool Matches(MessageText text) => text.HasHeader(Field, UnicodeCaseMap.Fold(Needle));
}

/// <summary>BODY, and TEXT which looks at the header too: a substring of the decoded text.</summary>
internal sealed partial record TextKey(string Needle, bool WithHeader) : WordKey
{
    // The index has the values of these fields without their names.
    private static readonly string[] Unnamed = ["From", "To", "Cc", "Bcc", "Subject"];

    // The text that is compared has one space wherever there is white space.
    private readonly string _folded = UnicodeCaseMap.Fold(WhiteSpace().Replace(Needle, " "));

    public override bool ReadsBody => true;

    public override IReadOnlyList<string> Words
    {
        get
        {
            if (!WithHeader) return [Needle];
            var colon = Needle.IndexOf(':', StringComparison.Ordinal);
            if (colon >= 0) return [Needle[(colon + 1)..]];
            return Array.Exists(Unnamed, name => name.Contains(Needle, StringComparison.OrdinalIgnoreCase)) ? [] : [Needle];
        }
    }

    protected override bool Matches(MessageText text) => text.Has(_folded, WithHeader);

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
