using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>What conditions ask about beyond an Email's own row; made when the first of them asks.</summary>
internal sealed class QueryScope(AccountIndex index)
{
    private readonly Dictionary<(int Set, string Keyword), bool> _keywords = [];
    private readonly Dictionary<string, Dictionary<uint, (int All, int With)>> _threads = new(StringComparer.Ordinal);
    private Dictionary<uint, List<MailboxId>>? _places;

    public AccountIndex Index => index;

    /// <summary>Whether the Email of the row has a keyword, in lower case.</summary>
    public bool Has(in EmailRow row, string keyword)
    {
        var flag = Keywords.FlagOf(keyword);
        if (flag != SystemFlags.None) return row.Flags.System.HasFlag(flag);
        var set = row.Flags.KeywordSet;
        if (set == 0) return false;
        if (!_keywords.TryGetValue((set, keyword), out var has)) _keywords[(set, keyword)] = has = index.Keywords.Has(set, keyword);
        return has;
    }

    /// <summary>
    /// How many Emails of the row's Thread JMAP sees, and how many of those have the keyword; an Email in two mailboxes counts twice.
    /// </summary>
    public (int All, int With) Thread(in EmailRow row, string keyword)
    {
        if (!_threads.TryGetValue(keyword, out var threads)) _threads[keyword] = threads = Count(keyword);
        return threads.GetValueOrDefault((uint)row.Thread.Value);
    }

    /// <summary>Whether the candidate lies in a mailbox that passes.</summary>
    public bool LiesIn(EmailCandidate candidate, Func<MailboxId, bool> passes)
    {
        if (passes(candidate.Mailbox)) return true;
        if (!index.MayLieElsewhere(candidate.Row)) return false;
        return (_places ??= Places()).TryGetValue((uint)candidate.Row.Email.Value, out var places) && places.Exists(place => passes(place));
    }

    private Dictionary<uint, List<MailboxId>> Places()
    {
        var places = new Dictionary<uint, List<MailboxId>>();
        foreach (var mailbox in index.Mailboxes)
        {
            for (var i = 0; i < mailbox.Snapshot.ChunkCount; i++)
            {
                foreach (ref readonly var row in mailbox.Snapshot.Chunk(i))
                {
                    if (row.IsDeleted || !index.MayLieElsewhere(row)) continue;
                    if (!places.TryGetValue((uint)row.Email.Value, out var list)) places[(uint)row.Email.Value] = list = [];
                    list.Add(mailbox.Mailbox.Id);
                }
            }
        }
        return places;
    }

    private Dictionary<uint, (int All, int With)> Count(string keyword)
    {
        var threads = new Dictionary<uint, (int All, int With)>();
        foreach (var mailbox in index.Mailboxes)
        {
            for (var i = 0; i < mailbox.Snapshot.ChunkCount; i++)
            {
                foreach (ref readonly var row in mailbox.Snapshot.Chunk(i))
                {
                    if (row.IsDeleted) continue;
                    threads.TryGetValue((uint)row.Thread.Value, out var count);
                    threads[(uint)row.Thread.Value] = (count.All + 1, count.With + (Has(row, keyword) ? 1 : 0));
                }
            }
        }
        return threads;
    }
}
