using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>An Email that may be a result, with as much as has been read of it.</summary>
internal sealed class EmailCandidate
{
    public EmailRow Row;

    /// <summary>The mailbox of <see cref="Row"/>.</summary>
    public MailboxId Mailbox;

    public Verdict Verdict;

    /// <summary>Null until the stored columns are read.</summary>
    public EmailTexts? Texts;

    /// <summary>Null until the message is read.</summary>
    public SearchText? Words;

    public byte[] Header = [];

    public bool HasHeader;
}

/// <summary>Header texts from the stored envelope, decoded.</summary>
internal sealed record EmailTexts(string From, string To, string Cc, string Bcc, string Subject, DateTimeOffset? SentAt)
{
    public static EmailTexts Of(in EmailDetail detail)
    {
        var envelope = new EnvelopeView(detail.Envelope);
        return new EmailTexts(
            Written(envelope.From), Written(envelope.To), Written(envelope.Cc), Written(envelope.Bcc),
            envelope.Subject.IsNil ? "" : HeaderText.Decode(envelope.Subject.Octets), detail.SentAt);
    }

    // As people write it: Name <mailbox@host>.
    private static string Written(AddressList list)
    {
        if (list.IsEmpty) return "";
        var texts = new List<string>();
        foreach (var group in HeaderScan.Groups(list))
        {
            if (group.Name is not null) texts.Add(group.Name);
            foreach (var address in group.Addresses) texts.Add($"{address.Name} <{address.Mailbox}@{address.Host}>");
        }
        return string.Join(", ", texts);
    }
}
