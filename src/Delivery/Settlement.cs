using Microsoft.Extensions.Logging;
using Posthorn.Db;
using Posthorn.Mime;

namespace Posthorn.Delivery;

/// <summary>Writes down what became of an attempt: removals, the next time, and the reports to the sender, in one action.</summary>
internal sealed class Settlement(
    DeliverySettings settings, Database db, QueueTable table, Reports reports, Suppressions suppressions, Journey? journey, TimeProvider time,
    ILogger log)
{
    /// <summary>Between two tries to write down what cannot be found out twice.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    /// <returns>When the first of them is tried again; null when all are done with.</returns>
    public async Task<DateTimeOffset?> SettleAsync(
        QueuedMessage message, IReadOnlyList<Outcome> outcomes, MailRoute? route, CancellationToken ct)
    {
        if (outcomes.Count == 0) return null;
        while (true)
        {
            try
            {
                // Not broken off: what another server has taken must be known, or it would get it again.
                return await TrySettleAsync(Patient(message, route), outcomes, route, CancellationToken.None);
            }
            catch (Exception error)
            {
                Log.SettlingFailed(log, error, message.Name);
            }
            await Task.Delay(Pause, time, ct);
        }
    }

    /// <summary>What follows from an outcome at this time.</summary>
    /// <param name="chance">Of <see cref="RetrySchedule"/>.</param>
    /// <param name="retry">A route's own schedule; null or empty for the usual one.</param>
    internal static Verdict Judge(
        QueuedMessage message, Outcome outcome, IReadOnlyList<TimeSpan>? retry, DateTimeOffset now, int chance, DeliverySettings settings)
    {
        var notify = outcome.Recipient.Parameters.Notify;
        if (outcome.Result == OutboundOutcome.Delivered) return new Verdict(outcome, null, AfterRelay(message, outcome, now), false);
        if (outcome.Result == OutboundOutcome.Deferred && now >= message.ExpiresAt)
        {
            outcome = outcome with { Result = OutboundOutcome.Failed, Status = "5.4.7" }; // RFC 3463 §3.5
        }
        // RFC 3461 §4.1
        if (outcome.Result == OutboundOutcome.Failed)
        {
            return new Verdict(outcome, null, Wants(notify, DsnNotify.Failure) ? DeliveryAction.Failed : null, false);
        }
        var next = now + RetrySchedule.After(
            outcome.IsAttempt ? outcome.Recipient.Attempts + 1 : int.MaxValue, message.Parameters.Priority, chance, retry);
        var isLate = !outcome.Recipient.Noticed && now >= LateAt(message, settings);
        var tell = isLate && Wants(notify, DsnNotify.Delay) ? DeliveryAction.Delayed : (DeliveryAction?)null;
        return new Verdict(outcome, next < message.ExpiresAt ? next : message.ExpiresAt, tell, isLate);
    }

    // A route may try longer or less long than all the others.
    private static QueuedMessage Patient(QueuedMessage message, MailRoute? route)
    {
        if (route?.Lifetime is not { } lifetime) return message;
        var expiry = (message.Parameters.HoldUntil ?? message.ArrivedAt) + lifetime;
        var isDueBefore = message.Parameters.By is { Returns: true, Deadline: var deadline } && deadline < expiry;
        return isDueBefore ? message : message with { ExpiresAt = expiry };
    }

    private static bool Wants(DsnNotify notify, DsnNotify what) => notify == DsnNotify.Undeclared || notify.HasFlag(what);

    // RFC 2852 §4.1.3: who asked to be told when it is late is told then.
    private static DateTimeOffset LateAt(QueuedMessage message, DeliverySettings settings)
    {
        var late = (message.Parameters.HoldUntil ?? message.ArrivedAt) + settings.DelayNoticeAfter;
        return message.Parameters.By is { Returns: false, Deadline: var deadline } && deadline < late ? deadline : late;
    }

    // RFC 3461 §5.2.2, RFC 2852 §4.1.4: what the next server does not promise to tell, we tell.
    private static DeliveryAction? AfterRelay(QueuedMessage message, Outcome outcome, DateTimeOffset now)
    {
        var notify = outcome.Recipient.Parameters.Notify;
        if (outcome.Recipient.Kind != LegKind.Remote || notify.HasFlag(DsnNotify.Never)) return null;
        if (notify.HasFlag(DsnNotify.Success) && !outcome.Duties.HasFlag(PeerDuties.Dsn)) return DeliveryAction.Relayed;
        if (message.Parameters.By is not { } by) return null;
        return by.Trace || (!by.Returns && now < by.Deadline && !outcome.Duties.HasFlag(PeerDuties.DeliverBy)) ? DeliveryAction.Relayed : null;
    }

    private async Task<DateTimeOffset?> TrySettleAsync(
        QueuedMessage message, IReadOnlyList<Outcome> outcomes, MailRoute? route, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var chance = RetrySchedule.Chance();
        var verdicts = outcomes.Select(outcome => Judge(message, outcome, route?.Retry, now, chance, settings)).ToList();
        var told = new List<Report>();
        foreach (var action in verdicts.Select(static verdict => verdict.Tell).Distinct())
        {
            if (action is not { } what) continue;
            var about = verdicts.Where(verdict => verdict.Tell == what).Select(static verdict => verdict.Outcome).ToList();
            if (await reports.PrepareAsync(message, about, what, now, ct) is { } report) told.Add(report);
        }
        await db.WriteAsync(tx => Settle(tx, message, verdicts, told), ct);
        foreach (var verdict in verdicts) Tell(message, verdict, now);
        foreach (var report in told)
        {
            Log.Reported(log, report.Name, report.To, message.Name);
            journey?.Note(new JourneyEvent(now, message.Name, JourneyStep.Reported) { To = [report.To.ToString()], Text = report.Name });
        }
        return verdicts.Min(static verdict => verdict.Next);
    }

    private bool Settle(Transaction tx, QueuedMessage message, List<Verdict> verdicts, List<Report> told)
    {
        var removed = 0;
        var settled = new HashSet<DeliveryAction>();
        foreach (var verdict in verdicts)
        {
            var (recipient, node) = (verdict.Outcome.Recipient, settings.Node);
            if (verdict.Next is { } next)
            {
                if (!QueueTable.Postpone(tx, recipient, node, next, verdict.Outcome.Status, verdict.Outcome.Reply, verdict.IsLate)) continue;
            }
            else
            {
                if (!QueueTable.RemoveClaimed(tx, recipient.Id, node)) continue;
                removed++;
                if (verdict.IsHardBounce && message.Submitter is { } submitter)
                {
                    suppressions.Bounced(tx, submitter, recipient.Address, verdict.Outcome.Reply);
                }
            }
            if (verdict.Tell is { } what) settled.Add(what);
        }
        table.Count(tx, message.Entry, -removed);
        foreach (var report in told)
        {
            if (settled.Contains(report.Action)) report.Commit(tx);
        }
        return true;
    }

    private void Tell(QueuedMessage message, Verdict verdict, DateTimeOffset now)
    {
        var (recipient, status, reply) = (verdict.Outcome.Recipient, verdict.Outcome.Status, verdict.Outcome.Reply);
        Meters.Attempted(verdict.Next is not null ? "deferred" : verdict.IsFailure ? "failed" : "delivered");
        if (verdict.Next is { } next) Log.Deferred(log, message.Name, recipient.Address, next, status, reply);
        else if (verdict.IsFailure) Log.Failed(log, message.Name, recipient.Address, status, reply);
        else Log.Delivered(log, message.Name, recipient.Address, reply);
        journey?.Note(Step(message, verdict.Outcome, verdict.Next, now));
    }

    /// <summary>What became of a recipient, as its message's trace tells it.</summary>
    internal static JourneyEvent Step(QueuedMessage message, Outcome outcome, DateTimeOffset? next, DateTimeOffset now)
    {
        var step = next is not null ? JourneyStep.Deferred
            : outcome.Result == OutboundOutcome.Failed ? JourneyStep.Failed : JourneyStep.Delivered;
        return new JourneyEvent(now, message.Name, step)
        {
            To = [outcome.Recipient.Address.ToString()],
            Queue = outcome.Recipient.Id,
            Status = outcome.Status,
            Text = outcome.Reply,
            Host = outcome.RemoteMta,
            Tls = outcome.Tls,
            Next = next,
        };
    }
}

/// <param name="Next">When it is tried again; null when it is done with.</param>
/// <param name="Tell">What the sender hears of it; null when nothing.</param>
/// <param name="IsLate">The time to tell of the delay has come, whether or not the sender wants to hear.</param>
internal sealed record Verdict(Outcome Outcome, DateTimeOffset? Next, DeliveryAction? Tell, bool IsLate)
{
    public bool IsFailure => Outcome.Result == OutboundOutcome.Failed;

    /// <summary>Another server said that there is no such mailbox.</summary>
    public bool IsHardBounce => IsFailure && Outcome.RemoteMta is not null && Suppressions.IsHardBounce(Outcome.Status);
}
