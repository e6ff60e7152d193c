using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>Decides whether a message goes straight into mailboxes or into the queue, and does either in one commit.</summary>
internal sealed class Routing(Database db, MailStore store, QueueTable queue, Journey? journey)
{
    /// <summary>Called after a commit that has queued something, with the lanes in which it waits.</summary>
    public Action<IReadOnlyCollection<string>> Queued { get; set; } = static _ => { };

    /// <summary>The legs whose mailbox has had this message before (RFC 5321 §6.3): its own Delivered-To stands in it.</summary>
    public static List<Leg> Circling(ReadOnlySpan<byte> header, IReadOnlyList<Leg> legs)
    {
        var circling = new List<Leg>();
        if (HeaderScan.Count(header, "delivered-to"u8) == 0) return circling;
        foreach (var leg in legs)
        {
            if (leg.Target is Target.Local local && HeaderScan.WasDeliveredTo(header, local.Address)) circling.Add(leg);
        }
        return circling;
    }

    /// <summary>The message as one mailbox gets it: all of them share the blob, each has its own trace before it (RFC 5321 §4.4).</summary>
    public static NewEmail ForMailbox(Letter letter, Target.Local target)
    {
        byte[] trace = [.. TraceHeader.ReturnPath(letter.From), .. TraceHeader.DeliveredTo(target.Address), .. letter.Trace];
        return new NewEmail(letter.Blob, letter.Summary, trace, SystemFlags.None, [], letter.ArrivedAt);
    }

    /// <summary>Returns after the commit.</summary>
    /// <param name="circling">Those of the legs that are to be bounced.</param>
    /// <param name="spend">Counts the message in the same action; what it refuses was never taken.</param>
    /// <returns>Why nobody can have the message; null when somebody has it, or the queue.</returns>
    public ValueTask<Refusal?> TakeAsync(
        Letter letter, List<Leg> legs, IReadOnlyList<Leg> circling, Action<Transaction>? spend, CancellationToken ct)
    {
        var commit = Prepare(letter, legs, circling);
        if (spend is null && letter.Seen is null) return db.WriteAsync(commit, ct);
        return db.WriteAsync(
            tx =>
            {
                var refusal = commit(tx);
                if (refusal is not null) return refusal;
                spend?.Invoke(tx);
                if (letter.Seen is { } seen) DmarcBook.Record(tx, seen);
                return refusal;
            },
            ct);
    }

    /// <summary>The action that takes the message: what can be computed before it is computed here.</summary>
    public Func<Transaction, Refusal?> Prepare(Letter letter, List<Leg> legs, IReadOnlyList<Leg> circling)
    {
        var waits = letter.Parameters.HoldUntil is not null || letter.Quarantine is not null;
        if (waits || legs.Count > DeliveryLimits.MailboxesPerCommitMax || !legs.TrueForAll(GoesStraight))
        {
            return tx =>
            {
                Enqueue(tx, letter, legs);
                return null;
            };
        }
        var parcels = new List<Parcel>(legs.Count);
        foreach (var leg in legs)
        {
            var target = (Target.Local)leg.Target!;
            if (!circling.Contains(leg)) parcels.Add(new Parcel(leg, target.Account, ForMailbox(letter, target)));
        }
        parcels.Sort(static (one, other) => one.Account.Value.CompareTo(other.Account.Value));
        return tx => Deliver(tx, letter, parcels, circling);
    }

    private Refusal? Deliver(Transaction tx, Letter letter, List<Parcel> parcels, IReadOnlyList<Leg> circling)
    {
        List<Leg>? left = null;
        Refusal? first = null;
        foreach (var parcel in parcels)
        {
            try
            {
                store.Emails.Deliver(tx, parcel.Account, letter.Junk ? MailboxRole.Junk : MailboxRole.Inbox, parcel.Email);
            }
            catch (RefusalException refused)
            {
                first ??= refused.Refusal;
                (left ??= []).Add(parcel.Leg);
            }
        }
        if (left?.Count == parcels.Count) return first;
        if (journey is not null) tx.OnCommit(() => NoteDelivered(letter, parcels, left));

        // Somebody has it: the sender hears of the others by a report, which the queue writes when it meets the same refusal.
        if (left is not null || circling.Count > 0) Enqueue(tx, letter, [.. left ?? [], .. circling]);
        return null;
    }

    // The queue writes the reports, of a success too.
    private static bool GoesStraight(Leg leg) => leg.Target is Target.Local && (leg.Parameters.Notify & DsnNotify.Success) == 0;

    private void Enqueue(Transaction tx, Letter letter, IReadOnlyList<Leg> legs)
    {
        var lanes = queue.Insert(tx, letter, legs);
        if (letter.Quarantine is { } reason) QueueTable.HoldNew(tx, letter.Name, reason);
        tx.OnCommit(() => Queued(lanes));
        if (journey is null) return;
        var to = Named(legs.Select(static leg => leg.Target is Target.Remote remote ? remote.Address : leg.Original));
        var step = new JourneyEvent(letter.ArrivedAt, letter.Name, JourneyStep.Queued) { From = letter.From.ToString(), To = to };
        tx.OnCommit(() => journey.Note(step));
    }

    private void NoteDelivered(Letter letter, List<Parcel> parcels, List<Leg>? left) => journey!.Note(
        new JourneyEvent(letter.ArrivedAt, letter.Name, JourneyStep.Delivered)
        {
            From = letter.From.ToString(),
            To = Named(parcels.Where(parcel => left?.Contains(parcel.Leg) != true)
                .Select(static parcel => ((Target.Local)parcel.Leg.Target!).Address)),
            Text = "mailbox",
        });

    private static string[] Named(IEnumerable<EmailAddress> addresses) =>
        [.. addresses.Take(JourneyLimits.NamedRecipientsMax).Select(static address => address.ToString())];

    private readonly record struct Parcel(Leg Leg, AccountId Account, NewEmail Email);
}
