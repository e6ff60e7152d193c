using System.Buffers;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>The octets that a URL leads to: a place in a stored message, or header fields that were chosen from one.</summary>
/// <param name="Message">Open; whoever takes this disposes of it. Null when there are <paramref name="Octets"/>.</param>
internal sealed record SectionSource(StoredMessage? Message, long Start, long Length, byte[]? Octets)
{
    /// <summary>Null when there is no such message, or it has no such part.</summary>
    /// <param name="selected">What a URL without a mailbox means.</param>
    public static async ValueTask<SectionSource?> OpenAsync(
        MailStore store, AccountId account, MessageUrl url, MailboxView? selected, CancellationToken ct)
    {
        if (await FindAsync(store, account, url, selected, ct) is not { } email) return null;
        var place = default(SectionPlace?);
        await store.Emails.ReadDetailsAsync(
            account, new[] { email }, DetailParts.Structure,
            (int _, in EmailDetail detail) =>
                place = SectionPlace.Of(url.Section, new StructureView(detail.Structure), detail.TracePrefixLength, detail.SizeBytes),
            ct);
        if (place is not { IsMissing: false } found) return null;
        var message = await store.Emails.OpenMessageAsync(account, email, ct);
        if (message is null) return null;
        if (found.Filter)
        {
            using (message) return Cut(url.Section, await FieldsAsync(message, url.Section, found, ct));
        }
        var skip = Math.Min(url.Section.Offset ?? 0, found.Length);
        return new SectionSource(message, found.Start + skip, Math.Min(url.Section.Count, found.Length - skip), null);
    }

    private static async ValueTask<EmailId?> FindAsync(
        MailStore store, AccountId account, MessageUrl url, MailboxView? selected, CancellationToken ct)
    {
        if (url.Mailbox is null) return selected is null ? null : Find(selected, url);
        if (await store.Mailboxes.FindAsync(account, url.Mailbox, ct) is not { } mailbox) return null;
        using var view = await store.Mailboxes.OpenAsync(account, mailbox.Id, ct);
        return view is null ? null : Find(view, url);
    }

    private static EmailId? Find(MailboxView view, MessageUrl url)
    {
        var present = view.Current;
        if (url.UidValidity is { } validity && validity != present.UidValidity) return null;
        var at = present.IndexOf(new Uid(url.Uid));
        return at < 0 ? null : present[at].Email;
    }

    private static async ValueTask<byte[]> FieldsAsync(StoredMessage message, BodySection section, SectionPlace place, CancellationToken ct)
    {
        var header = new byte[(int)Math.Min(place.Length, ImapLimits.HeaderOctetsMax)];
        var read = await message.ReadAsync(place.Start, header, ct);
        var fields = new ArrayBufferWriter<byte>(512);
        HeaderFilter.Apply(header.AsSpan(0, read), section.Fields, section.Text == SectionText.HeaderFieldsNot, fields);
        return fields.WrittenSpan.ToArray();
    }

    private static SectionSource Cut(BodySection section, byte[] octets)
    {
        var skip = (int)Math.Min(section.Offset ?? 0, octets.Length);
        var some = octets.AsSpan(skip, (int)Math.Min(section.Count, octets.Length - skip)).ToArray();
        return new SectionSource(null, 0, some.Length, some);
    }
}
