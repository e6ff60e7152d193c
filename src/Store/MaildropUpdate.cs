using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>What a POP3 session wants done to one mailbox at its end: messages go, others become \Seen.</summary>
public sealed record MaildropUpdate(MailboxId Mailbox, IReadOnlyList<Uid> Removed, IReadOnlyList<Uid> Seen)
{
    private static readonly FlagChange MarkSeen = new(FlagOperation.Add, SystemFlags.Seen, [], null);

    /// <summary>Parts of at most so many messages, whatever mailboxes they are in.</summary>
    internal static IEnumerable<IReadOnlyList<MaildropUpdate>> Slices(IReadOnlyList<MaildropUpdate> updates, int size)
    {
        var part = new List<MaildropUpdate>();
        var room = size;
        foreach (var update in updates)
        {
            Uid[] removed = MembershipRows.Sorted(update.Removed), seen = MembershipRows.Sorted(update.Seen);
            while (removed.Length + seen.Length > 0)
            {
                var (first, second) = (Math.Min(room, removed.Length), Math.Min(room - Math.Min(room, removed.Length), seen.Length));
                part.Add(new MaildropUpdate(update.Mailbox, removed[..first], seen[..second]));
                (removed, seen, room) = (removed[first..], seen[second..], room - first - second);
                if (room > 0) continue;
                yield return part;
                (part, room) = ([], size);
            }
        }

        if (part.Count > 0) yield return part;
    }

    /// <returns>How many messages are gone now.</returns>
    internal static int Run(Transaction tx, AccountId account, IReadOnlyList<MaildropUpdate> part, BlobStore blobs, ViewCache views)
    {
        var gone = 0;
        tx.LockAccount(account);
        foreach (var update in part)
        {
            // A mailbox that was deleted meanwhile has taken its messages along.
            if (MailboxRows.Get(tx, account, update.Mailbox) is null) continue;
            foreach (var slice in update.Removed.Chunk(StoreLimits.ExpungesPerAction))
            {
                gone += Expunge.Run(tx, account, update.Mailbox, slice, onlyDeleted: false, blobs, views).Count;
            }

            if (update.Seen.Count > 0) FlagEdit.Run(tx, account, update.Mailbox, update.Seen.ToArray(), MarkSeen, views);
        }

        return gone;
    }
}
