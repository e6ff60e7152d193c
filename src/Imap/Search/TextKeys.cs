using System.Text;
using Posthorn.Mime;

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
        return $"{text} <{mailbox}@{host}>".Contains(Needle, StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>SUBJECT: a substring of the decoded subject.</summary>
internal sealed record SubjectKey(string Needle) : SearchKey
{
    public override Verdict Test(in SearchSubject subject)
    {
        if (!subject.HasDetails) return Verdict.Unknown;
        if (subject.Envelope.Subject.IsNil) return Verdict.No;
        return Of(HeaderText.Decode(subject.Envelope.Subject.Octets).Contains(Needle, StringComparison.OrdinalIgnoreCase));
    }
}

/// <summary>HEADER: a field of this name whose text has the substring; an empty one asks only for the field.</summary>
internal sealed record HeaderKey(string Field, string Needle) : SearchKey
{
    public override Verdict Test(in SearchSubject subject) => subject.Text is { } text ? Of(text.HasHeader(Field, Needle)) : Verdict.Unknown;
}

/// <summary>BODY, and TEXT which looks at the header too: a substring of the decoded text.</summary>
internal sealed record TextKey(string Needle, bool WithHeader) : SearchKey
{
    public override bool NeedsBody => true;

    public override Verdict Test(in SearchSubject subject) => subject.Text is { } text ? Of(text.Has(Needle, WithHeader)) : Verdict.Unknown;
}
