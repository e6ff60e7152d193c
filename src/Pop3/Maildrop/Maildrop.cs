using System.Collections;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Pop3;

/// <summary>The messages of a session as it found them (RFC 1939 §4), and what the client wants done with them at its end.</summary>
/// <remarks>Numbers count from 1 and never move. Rows are those of the shared indexes, which nobody changes: a message costs eight octets.</remarks>
internal sealed class Maildrop
{
    private static readonly MailboxRole[] NotForReading = [MailboxRole.Drafts, MailboxRole.Sent, MailboxRole.Junk, MailboxRole.Trash];

    private readonly MailStore _store;
    private readonly AccountId _account;
    private readonly MailboxSnapshot[] _mailboxes;
    private readonly Place[] _messages;

    // Further places of an Email that is shown already: whoever deletes it deletes these too, or it would come back.
    private readonly List<(int Index, Place Place)> _twins;
    private readonly BitArray _deleted;
    private readonly BitArray _retrieved;
    private readonly long _octets;
    private int _deletedCount;
    private long _deletedOctets;

    private Maildrop(MailStore store, AccountId account, MailboxSnapshot[] mailboxes, Place[] messages, List<(int Index, Place Place)> twins)
    {
        (_store, _account, _mailboxes, _messages, _twins) = (store, account, mailboxes, messages, twins);
        _deleted = new BitArray(messages.Length);
        _retrieved = new BitArray(messages.Length);
        foreach (var place in messages) _octets += mailboxes[place.Mailbox][place.Row].SizeBytes;
    }

    /// <summary>Messages at log-in.</summary>
    public int Count => _messages.Length;

    /// <summary>Those that are not deleted.</summary>
    public int Left => Count - _deletedCount;

    public long OctetsLeft => _octets - _deletedOctets;

    public int DeletedCount => _deletedCount;

    public int RetrievedCount { get; private set; }

    /// <summary>Null when the account has no mailboxes.</summary>
    public static async ValueTask<Maildrop?> OpenAsync(MailStore store, AccountId account, MaildropView view, CancellationToken ct)
    {
        var ids = new List<MailboxId> { Mailbox.Inbox };
        if (view == MaildropView.Unread)
        {
            foreach (var mailbox in await store.Mailboxes.ListAsync(account, ct))
            {
                if (mailbox.Id == Mailbox.Inbox || mailbox.Unseen == 0) continue;
                if (mailbox.Role is not { } role || !NotForReading.Contains(role)) ids.Add(mailbox.Id);
            }
        }
        var mailboxes = new List<MailboxSnapshot>(ids.Count);
        foreach (var id in ids)
        {
            using var lease = await store.Mailboxes.OpenAsync(account, id, ct);
            if (lease is not null) mailboxes.Add(lease.Current);
            else if (id == Mailbox.Inbox) return null;
        }
        return Of(store, account, [.. mailboxes], view);
    }

    /// <summary>The message of a number; false when there is none, or it is deleted.</summary>
    public bool TryFind(int number, out EmailRow row)
    {
        var found = number >= 1 && number <= Count && !_deleted[number - 1];
        row = found ? RowOf(_messages[number - 1]) : default;
        return found;
    }

    public void Delete(int number)
    {
        _deleted[number - 1] = true;
        _deletedCount++;
        _deletedOctets += RowOf(_messages[number - 1]).SizeBytes;
    }

    /// <summary>RSET: nothing is deleted.</summary>
    public void Restore()
    {
        _deleted.SetAll(false);
        (_deletedCount, _deletedOctets) = (0, 0);
    }

    /// <summary>The client has been given all of it.</summary>
    public void Retrieved(int number)
    {
        if (_retrieved[number - 1]) return;
        _retrieved[number - 1] = true;
        RetrievedCount++;
    }

    /// <summary>The message's octets; null when somebody else has expunged it.</summary>
    public ValueTask<StoredMessage?> OpenAsync(in EmailRow row, CancellationToken ct) => _store.Emails.OpenMessageAsync(_account, row.Email, ct);

    /// <summary>RFC 1939 §6: what was deleted goes, what was retrieved becomes \Seen. Durable when it returns.</summary>
    public async ValueTask<Refusal?> UpdateAsync(CancellationToken ct)
    {
        var updates = new Dictionary<int, (List<Uid> Removed, List<Uid> Seen)>();
        for (var index = 0; index < Count; index++)
        {
            if (_deleted[index] || (_retrieved[index] && !RowOf(_messages[index]).IsSeen)) Add(index, _messages[index]);
        }
        foreach (var (index, place) in _twins)
        {
            if (_deleted[index]) Add(index, place);
        }
        if (updates.Count == 0) return null;
        var result = await _store.Emails.UpdateMaildropAsync(
            _account, [.. updates.Select(u => new MaildropUpdate(_mailboxes[u.Key].Mailbox, u.Value.Removed, u.Value.Seen))], ct);
        return result.Refusal;

        void Add(int index, Place place)
        {
            if (!updates.TryGetValue(place.Mailbox, out var update)) updates[place.Mailbox] = update = ([], []);
            (_deleted[index] ? update.Removed : update.Seen).Add(RowOf(place).Uid);
        }
    }

    private static Maildrop Of(MailStore store, AccountId account, MailboxSnapshot[] mailboxes, MaildropView view)
    {
        var messages = new List<Place>();
        for (var mailbox = 0; mailbox < mailboxes.Length; mailbox++)
        {
            for (var chunk = 0; chunk < mailboxes[mailbox].ChunkCount; chunk++)
            {
                var rows = mailboxes[mailbox].Chunk(chunk);
                for (var i = 0; i < rows.Length; i++)
                {
                    // A \Deleted message is gone for whoever has marked it, and waits only to be expunged.
                    if (rows[i].IsDeleted || (view == MaildropView.Unread && rows[i].IsSeen)) continue;
                    messages.Add(new Place(mailbox, mailboxes[mailbox].ChunkStart(chunk) + i));
                }
            }
        }
        if (mailboxes.Length > 1) messages.Sort((left, right) => Email(left).Value.CompareTo(Email(right).Value)); // as they arrived
        return new Maildrop(store, account, mailboxes, Once(messages, Row, out var twins), twins);

        EmailId Email(Place place) => Row(place).Email;

        EmailRow Row(Place place) => mailboxes[place.Mailbox][place.Row];
    }

    // An Email that lies in several places is shown once: its unique id is the same everywhere.
    private static Place[] Once(List<Place> messages, Func<Place, EmailRow> rowOf, out List<(int Index, Place Place)> twins)
    {
        twins = [];
        var seen = new Dictionary<EmailId, int>();
        var kept = 0;
        for (var i = 0; i < messages.Count; i++)
        {
            var row = rowOf(messages[i]);
            if (row.MayLieElsewhere && !seen.TryAdd(row.Email, kept)) twins.Add((seen[row.Email], messages[i]));
            else messages[kept++] = messages[i];
        }
        return [.. messages[..kept]];
    }

    private EmailRow RowOf(Place place) => _mailboxes[place.Mailbox][place.Row];

    private readonly record struct Place(int Mailbox, int Row);
}
