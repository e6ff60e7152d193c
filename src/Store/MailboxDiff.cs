using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>What has happened between two snapshots of one mailbox.</summary>
public sealed class MailboxDiff
{
    private readonly List<int> _expunged = [];
    private readonly List<int> _changed = [];

    private MailboxDiff(int firstNew) => FirstNew = firstNew;

    /// <summary>Indexes in the older snapshot, rising, of messages that are gone.</summary>
    public IReadOnlyList<int> Expunged => _expunged;

    /// <summary>Indexes in the current snapshot, rising, of messages that were there and have other flags or another change number.</summary>
    public IReadOnlyList<int> Changed => _changed;

    /// <summary>Index in the current snapshot of the first message that the older one did not have; its count when there is none.</summary>
    public int FirstNew { get; }

    internal static MailboxDiff Between(MailboxSnapshot older, MailboxSnapshot current)
    {
        // Uids only rise: all that is new stands behind all that is old.
        var firstNew = current.IndexOf(older.UidNext);
        var diff = new MailboxDiff(firstNew < 0 ? ~firstNew : firstNew);
        if (ReferenceEquals(older, current)) return diff;
        var left = new Cursor(older.Chunks);
        var right = new Cursor(current.Chunks);
        while (!left.AtEnd)
        {
            if (!right.AtEnd && Cursor.SkipShared(ref left, ref right)) continue;
            var was = left.Row;
            if (right.AtEnd || right.Row.Uid.Value > was.Uid.Value)
            {
                diff._expunged.Add(left.Index);
                left.Next();
                continue;
            }

            if (right.Row.ModSeq != was.ModSeq || right.Row.Flags != was.Flags) diff._changed.Add(right.Index);
            left.Next();
            right.Next();
        }

        return diff;
    }

    private ref struct Cursor(ReadOnlySpan<RowChunk> chunks)
    {
        private readonly ReadOnlySpan<RowChunk> _chunks = chunks;
        private int _chunk;
        private int _within;

        public int Index { get; private set; }

        public readonly bool AtEnd => _chunk == _chunks.Length;

        public readonly EmailRow Row => _chunks[_chunk].Rows[_within];

        public void Next()
        {
            Index++;
            if (++_within < _chunks[_chunk].Count) return;
            _chunk++;
            _within = 0;
        }

        /// <summary>Passes over rows that both sides hold in the same array at the same place.</summary>
        public static bool SkipShared(ref Cursor left, ref Cursor right)
        {
            var (a, b) = (left._chunks[left._chunk], right._chunks[right._chunk]);
            if (left._within != right._within || !a.SharesRowsWith(b)) return false;
            var common = Math.Min(a.Count, b.Count) - left._within;
            left.Advance(common);
            right.Advance(common);
            return true;
        }

        private void Advance(int rows)
        {
            Index += rows;
            _within += rows;
            if (_within < _chunks[_chunk].Count) return;
            _chunk++;
            _within = 0;
        }
    }
}

/// <summary>What one commit has done to one mailbox. <see cref="Changed"/> and <see cref="Removed"/> rise by uid.</summary>
/// <param name="Before">The mailbox's change number before this commit: a snapshot with another one cannot take the delta.</param>
internal sealed record MailboxDelta(MailboxId Mailbox, ModSeq Before, ModSeq ModSeq, Uid UidNext)
{
    public IReadOnlyList<EmailRow> Added { get; init; } = [];

    public IReadOnlyList<EmailRow> Changed { get; init; } = [];

    public IReadOnlyList<Uid> Removed { get; init; } = [];
}
