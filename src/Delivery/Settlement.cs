using Microsoft.Extensions.Logging;
using Posthorn.Db;
using Posthorn.Mime;

namespace Posthorn.Delivery;

/// <summary>Writes down what became of an attempt: removals, the next time, and the reports to the sender, in one action.</summary>
internal sealed class Settlement(
    DeliverySettings settings, Database db, QueueTable table, Reports reports, TimeProvider time, ILogger log)
{
    /// <summary>Between two tries to write down what cannot be found out twice.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    public async Task SettleAsync(QueuedMessage message, IReadOnlyList<Outcome> outcomes, CancellationToken ct)
    {
        if (outcomes.Count == 0) return;
        while (true)
        {
            try
            {
                // Not broken off: what another server has taken must be known, or it would get it again.
                await TrySettleAsync(message, outcomes, CancellationToken.None);
                return;
            }
            catch (Exception error)
            {
                Log.SettlingFailed(log, error, message.Name);
            }
            await Task.Delay(Pause, time, ct);
        }
    }

    /// <summary>What follows from an outcome at this time.</summary>
    internal static Verdict Judge(QueuedMessage message, Outcome outcome, DateTimeOffset now, DeliverySettings settings)
    {
        if (outcome.Result != OutboundOutcome.Deferred) return new Verdict(outcome, null, false);
        if (now >= message.ExpiresAt)
        {
            return new Verdict(outcome with { Result = OutboundOutcome.Failed, Status = "5.4.7" }, null, false); // RFC 3463 §3.5
        }
        var next = now + RetrySchedule.After(outcome.Recipient.Attempts + 1);
        var notice = !outcome.Recipient.Noticed && now - message.ArrivedAt >= settings.DelayNoticeAfter;
        return new Verdict(outcome, next < message.ExpiresAt ? next : message.ExpiresAt, notice);
    }

    private async Task TrySettleAsync(QueuedMessage message, IReadOnlyList<Outcome> outcomes, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var verdicts = outcomes.Select(outcome => Judge(message, outcome, now, settings)).ToList();
        var failure = await reports.PrepareAsync(message, verdicts.Where(static v => v.IsFailure), DeliveryAction.Failed, now, ct);
        var delay = await reports.PrepareAsync(message, verdicts.Where(static v => v.Notice), DeliveryAction.Delayed, now, ct);
        await db.WriteAsync(tx => Settle(tx, message, verdicts, failure, delay), ct);
        foreach (var verdict in verdicts) Tell(message, verdict);
        if (failure is not null) Log.Reported(log, failure.Name, failure.To, message.Name);
        if (delay is not null) Log.Reported(log, delay.Name, delay.To, message.Name);
    }

    private bool Settle(Transaction tx, QueuedMessage message, List<Verdict> verdicts, Report? failure, Report? delay)
    {
        int removed = 0, failed = 0, noticed = 0;
        foreach (var verdict in verdicts)
        {
            var (recipient, node) = (verdict.Outcome.Recipient, settings.Node);
            if (verdict.Next is { } next)
            {
                var kept = QueueTable.Postpone(tx, recipient, node, next, verdict.Outcome.Status, verdict.Outcome.Reply, verdict.Notice);
                if (kept && verdict.Notice) noticed++;
            }
            else if (QueueTable.RemoveClaimed(tx, recipient.Id, node))
            {
                removed++;
                if (verdict.IsFailure) failed++;
            }
        }
        table.Count(tx, message.Entry, -removed);
        if (failed > 0) failure?.Commit(tx);
        if (noticed > 0) delay?.Commit(tx);
        return true;
    }

    private void Tell(QueuedMessage message, Verdict verdict)
    {
        var (recipient, _, status, reply, _) = verdict.Outcome;
        Meters.Attempted(verdict.Next is not null ? "deferred" : verdict.IsFailure ? "failed" : "delivered");
        if (verdict.Next is { } next) Log.Deferred(log, message.Name, recipient.Address, next, status, reply);
        else if (verdict.IsFailure) Log.Failed(log, message.Name, recipient.Address, status, reply);
        else Log.Delivered(log, message.Name, recipient.Address, reply);
    }
}

/// <param name="Next">When it is tried again; null when it is done with.</param>
/// <param name="Notice">The sender hears of the delay.</param>
internal sealed record Verdict(Outcome Outcome, DateTimeOffset? Next, bool Notice)
{
    public bool IsFailure => Outcome.Result == OutboundOutcome.Failed;
}
