using System.Buffers.Binary;
using System.Security.Cryptography;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>The annotations that somebody sees at one moment, each with a mark of its value: enough to say which have changed.</summary>
internal sealed class AnnotationNames(Dictionary<(MailboxId Mailbox, string Entry), ulong> marks)
{
    /// <summary>The server's own stand beside those of mailboxes.</summary>
    public static readonly MailboxId Server = new(0);

    private readonly Dictionary<(MailboxId Mailbox, string Entry), ulong> _marks = marks;

    public static async ValueTask<AnnotationNames> ReadAsync(ImapSession session, CancellationToken ct)
    {
        var marks = new Dictionary<(MailboxId Mailbox, string Entry), ulong>();
        var annotations = session.Server.Store.Annotations;
        foreach (var (mailbox, annotation) in await annotations.OfMailboxesAsync(session.Account, session.Account, ct))
            marks[(mailbox, annotation.Entry)] = MarkOf(annotation.Value);
        foreach (var annotation in await annotations.OfServerAsync(session.Account, ct)) marks[(Server, annotation.Entry)] = MarkOf(annotation.Value);
        return new AnnotationNames(marks);
    }

    /// <summary>The entries that came, went or have another value, by mailbox.</summary>
    public IEnumerable<(MailboxId Mailbox, List<string> Names)> ChangedSince(AnnotationNames before) =>
        _marks.Keys.Union(before._marks.Keys)
            .Where(key => !(_marks.TryGetValue(key, out var now) && before._marks.TryGetValue(key, out var was) && now == was))
            .GroupBy(key => key.Mailbox, key => key.Entry)
            .Select(group => (group.Key, group.Order(StringComparer.Ordinal).ToList()));

    private static ulong MarkOf(byte[]? value) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(value ?? []));
}
