using System.Collections.Concurrent;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Store;

namespace Posthorn.Delivery;

/// <summary>Tells at RCPT which mailboxes are full. The commit of the message decides in any case.</summary>
/// <remarks>
/// How many messages of the largest size a mailbox still holds is remembered for a moment and counted down, so that a mailbox far from full costs
/// no question to the database for each message.
/// </remarks>
internal sealed class Vacancies(Database db, MailStore store, long messageOctetsMax, TimeProvider time)
{
    private const int KnownMax = 10_000;

    // Another node's change of a quota is met after this time; our own at once.
    private static readonly TimeSpan KnownFor = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<AccountId, Vacancy> _known = new();

    /// <summary>Whether each of the targets is a mailbox that takes no message any more.</summary>
    public ValueTask<bool> AllFullAsync(IReadOnlyList<Target> targets, CancellationToken ct)
    {
        foreach (var target in targets)
        {
            if (target is not Target.Local local || HasRoom(local.Account)) return new(false);
        }
        var epoch = store.QuotaEpoch;
        return db.ReadAsync(snapshot => AllFull(snapshot, targets, epoch), ct);
    }

    private bool HasRoom(AccountId account) =>
        _known.TryGetValue(account, out var vacancy)
        && vacancy.Epoch == store.QuotaEpoch
        && time.GetElapsedTime(vacancy.SeenAt) < KnownFor
        && Interlocked.Decrement(ref vacancy.Messages) >= 0;

    private bool AllFull(Snapshot snapshot, IReadOnlyList<Target> targets, int epoch)
    {
        foreach (var target in targets)
        {
            if (target is not Target.Local local) return false;
            if (store.Quota(snapshot, local.Account) is not { } usage) return false;
            if (usage.SizeBytes >= usage.QuotaBytes || usage.Messages >= usage.QuotaMessages) continue;
            var room = Math.Min(
                ((usage.QuotaBytes - usage.SizeBytes) / messageOctetsMax) ?? long.MaxValue, (usage.QuotaMessages - usage.Messages) ?? long.MaxValue);

            // The message that is asked for now is one of them.
            if (_known.Count >= KnownMax) _known.Clear();
            _known[local.Account] = new Vacancy { Messages = room - 1, Epoch = epoch, SeenAt = time.GetTimestamp() };
            return false;
        }
        return true;
    }

    private sealed class Vacancy
    {
        public long Messages;

        public required int Epoch { get; init; }

        public required long SeenAt { get; init; }
    }
}
