using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;

namespace Posthorn.Delivery;

/// <summary>What has to be done for a queued recipient. The numbers are stored.</summary>
internal enum LegKind
{
    Remote = 0,
    Local = 1,

    /// <summary>The address is followed first, and replaced by where it leads.</summary>
    Unfollowed = 2,

    /// <summary>A report of another server, to be read and stored.</summary>
    Reports = 3,
}

/// <summary>A queued message without its recipients.</summary>
/// <param name="Length">Octets of the blob.</param>
internal sealed record QueuedMessage(
    long Entry,
    string Name,
    ReversePath From,
    BlobId Blob,
    long Length,
    byte[] Trace,
    bool Utf8,
    bool EightBit,
    DateTimeOffset ArrivedAt,
    DateTimeOffset ExpiresAt,
    MailParameters Parameters,
    bool Junk,
    AccountId? Submitter)
{
    public RoutedMail AsRouted(ReadOnlyMemory<byte> head) => new(From, Submitter, Trace.Length + Length, head);
}

/// <param name="Original">Whom the sender wrote to.</param>
internal sealed record QueuedRecipient(
    long Id, LegKind Kind, AccountId Account, EmailAddress Address, EmailAddress Original, int Attempts, bool Noticed,
    RcptParameters Parameters)
{
    /// <summary>The route that an operator or a rule sent it by, or that it was released from: no other moves it. 0 for none.</summary>
    public long Pinned { get; init; }

    /// <summary>Why nothing is sent to it; null when it is.</summary>
    public string? Suppressed { get; init; }
}

/// <summary>
/// The statements of the queue. Every one that ends an attempt asks whether the claim still holds, so nobody undoes what another node did.
/// </summary>
internal sealed class QueueTable(BlobStore blobs, MailRoutes routes, DeliverySettings settings)
{
    /// <summary>Who holds a queued message's blob: <see cref="SystemAccount"/>, with the number of the entry.</summary>
    private const byte OwnerKind = 2;

    private const long ByModeReturn = 1;
    private const long ByModeTrace = 2;

    private const string InsertEntrySql = """
        INSERT INTO queue_entry (name, sender, blob, length, trace, utf8, eight_bit, arrived, expires, recipients,
            body, dsn_return, envelope_id, require_tls, hold_until, by_deadline, by_mode, priority, junk, submitter)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING entry
        """;

    private const string ReadEntrySql = """
        SELECT name, sender, blob, length, trace, utf8, eight_bit, arrived, expires,
            body, dsn_return, envelope_id, require_tls, hold_until, by_deadline, by_mode, priority, junk, submitter
        FROM queue_entry WHERE entry = $1
        """;

    // What require_tls may be beside 0.
    private const long TlsRequired = 1;
    private const long TlsPolicyIgnored = 2;

    private const string InsertRecipientSql = """
        INSERT INTO queue_recipient (entry, kind, account, address, original, domain, lane, state, attempts, due, noticed, notify, original_recipient,
            pinned)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, 0, $10, $11, $12) ON CONFLICT (entry, address) DO NOTHING
        """;

    private const string ClaimSql = """
        UPDATE queue_recipient SET state = 1, node = $1, lease = $2 WHERE recipient = $3 AND state = 0
        RETURNING kind, account, address, original, attempts, noticed, notify, original_recipient, pinned
        """;

    private const string RemoveClaimedSql = "DELETE FROM queue_recipient WHERE recipient = $1 AND state = 1 AND node = $2";

    private const string PostponeSql = """
        UPDATE queue_recipient SET state = 0, attempts = $1, due = $2, status = $3, reply = $4, noticed = CASE WHEN noticed = 1 THEN 1 ELSE $5 END,
            node = NULL, lease = NULL
        WHERE recipient = $6 AND state = 1 AND node = $7
        """;

    /// <summary>Holds on to what belongs to no account.</summary>
    public static AccountId SystemAccount { get; }

    /// <returns>The lanes in which it waits now.</returns>
    public IReadOnlyCollection<string> Insert(Transaction tx, Letter letter, IReadOnlyList<Leg> legs)
    {
        var parameters = letter.Parameters;
        var entry = tx.Prepare(InsertEntrySql)
            .Bind(letter.Name).Bind(letter.From.ToString()).Bind(letter.Blob.Id.ToArray()).Bind(letter.Blob.Length).Bind(letter.Trace)
            .Bind(letter.Utf8).Bind(letter.EightBit).Bind(letter.ArrivedAt).Bind(ExpiryOf(letter))
            .Bind(legs.Count).Bind((long)parameters.Body).Bind((long)parameters.Return).Bind(parameters.EnvelopeId)
            .Bind(parameters.RequireTls ? TlsRequired : parameters.IgnoreTlsPolicy ? TlsPolicyIgnored : 0)
            .Bind(parameters.HoldUntil?.ToUnixTimeMilliseconds()).Bind(parameters.By?.Deadline.ToUnixTimeMilliseconds())
            .Bind(ByModeOf(parameters.By)).Bind(parameters.Priority).Bind(letter.Junk).Bind(letter.Submitter?.Value).Scalar()!.Value;
        blobs.Link(tx, SystemAccount, letter.Blob, new BlobOwner(OwnerKind, entry));
        var lanes = new HashSet<string>(1, StringComparer.Ordinal);
        // RFC 6710 §4.1: what is urgent goes before what has waited some minutes, and nothing waits for ever.
        var due = parameters.HoldUntil ?? tx.Now - TimeSpan.FromMinutes(Math.Max(0, parameters.Priority));
        var mail = new RoutedMail(letter.From, letter.Submitter, letter.Trace.Length + letter.Blob.Length, letter.Head);
        Count(tx, entry, InsertRecipients(tx, entry, mail, letter.Route ?? 0, due, legs, lanes) - legs.Count);
        return lanes;
    }

    /// <summary>Holds what was inserted in this action, for an operator to decide.</summary>
    public static void HoldNew(Transaction tx, string name, string reason) =>
        tx.Prepare("UPDATE queue_recipient SET state = 2, reply = $1 WHERE entry IN (SELECT entry FROM queue_entry WHERE name = $2)")
            .Bind(reason).Bind(name).Execute();

    /// <summary>Follows an address: its row becomes those of its targets, each of which the entry has once.</summary>
    /// <returns>The lanes of its targets; null when the claim is lost.</returns>
    public IReadOnlyCollection<string>? Replace(
        Transaction tx, QueuedMessage message, QueuedRecipient recipient, string node, IReadOnlyList<Leg> legs)
    {
        if (!RemoveClaimed(tx, recipient.Id, node)) return null;
        var lanes = new HashSet<string>(StringComparer.Ordinal);
        Count(tx, message.Entry, InsertRecipients(tx, message.Entry, message.AsRouted(default), recipient.Pinned, tx.Now, legs, lanes) - 1);
        return lanes;
    }

    /// <summary>Those of the recipients that nobody else has claimed; from now on they are this node's until the lease ends.</summary>
    public static List<QueuedRecipient> Claim(Transaction tx, IEnumerable<long> recipients, string node, DateTimeOffset lease)
    {
        var claimed = new List<QueuedRecipient>();
        foreach (var id in recipients)
        {
            using var rows = tx.Prepare(ClaimSql).Bind(node).Bind(lease).Bind(id).Query();
            if (!rows.Next()) continue;
            claimed.Add(new QueuedRecipient(
                id, (LegKind)rows.Int64(0), new AccountId(rows.Int64(1)), EmailAddress.Parse(rows.Text(2)), EmailAddress.Parse(rows.Text(3)),
                (int)rows.Int64(4), rows.Bool(5), ReadRcptParameters(rows, 6))
            {
                Pinned = rows.Int64(8),
            });
            rows.Next();
        }
        return claimed;
    }

    public static QueuedMessage ReadMessage(Snapshot db, long entry)
    {
        using var rows = db.Prepare(ReadEntrySql).Bind(entry).Query();
        if (!rows.Next()) throw new InvalidOperationException($"Queue entry {entry} has recipients and does not exist");
        return new QueuedMessage(
            entry, rows.Text(0), ReadPath(rows.Text(1)), new BlobId(rows.Blob(2)), rows.Int64(3), rows.Blob(4).ToArray(),
            rows.Bool(5), rows.Bool(6), rows.Time(7), rows.Time(8), ReadMailParameters(rows, 9), rows.Bool(17),
            rows.IsNull(18) ? null : new AccountId(rows.Int64(18)));
    }

    /// <summary>It is done with. False when the claim is lost.</summary>
    public static bool RemoveClaimed(Transaction tx, long recipient, string node) =>
        tx.Prepare(RemoveClaimedSql).Bind(recipient).Bind(node).Execute() == 1;

    /// <summary>It is tried again later. False when the claim is lost.</summary>
    public static bool Postpone(
        Transaction tx, QueuedRecipient recipient, string node, DateTimeOffset due, string status, string reply, bool noticed) =>
        tx.Prepare(PostponeSql).Bind(recipient.Attempts + 1).Bind(due).Bind(status).Bind(reply).Bind(noticed).Bind(recipient.Id).Bind(node)
            .Execute() == 1;

    /// <summary>Gives back what nobody works on: the claims of this node (at its start), or those whose lease has ended.</summary>
    public static int Release(Transaction tx, string node) =>
        tx.Prepare("UPDATE queue_recipient SET state = 0, node = NULL, lease = NULL WHERE state = 1 AND node = $1").Bind(node).Execute();

    public static int ReleaseExpired(Transaction tx) =>
        tx.Prepare("UPDATE queue_recipient SET state = 0, node = NULL, lease = NULL WHERE state = 1 AND lease < $1").Bind(tx.Now).Execute();

    /// <summary>Moves the number of an entry's recipients; the last one takes the entry and its hold on the blob along.</summary>
    public void Count(Transaction tx, long entry, int change)
    {
        if (change == 0) return;
        BlobId blob;
        using (var rows = tx.Prepare("UPDATE queue_entry SET recipients = recipients + $1 WHERE entry = $2 RETURNING recipients, blob")
            .Bind(change).Bind(entry).Query())
        {
            if (!rows.Next() || rows.Int64(0) > 0) return;
            blob = new BlobId(rows.Blob(1));
        }
        tx.Prepare("DELETE FROM queue_entry WHERE entry = $1").Bind(entry).Execute();
        blobs.Unlink(tx, SystemAccount, blob, new BlobOwner(OwnerKind, entry));
    }

    /// <returns>Null when the recipient is gone.</returns>
    public static string? LaneOf(Snapshot db, long recipient)
    {
        using var rows = db.Prepare("SELECT lane FROM queue_recipient WHERE recipient = $1").Bind(recipient).Query();
        return rows.Next() ? rows.Text(0) : null;
    }

    /// <summary>It belongs to another lane. False when the claim is lost.</summary>
    public static bool GiveBack(Transaction tx, long recipient, string node, string lane, QueueState state) =>
        tx.Prepare("UPDATE queue_recipient SET state = $1, lane = $2, node = NULL, lease = NULL WHERE recipient = $3 AND state = 1 AND node = $4")
            .Bind((long)state).Bind(lane).Bind(recipient).Bind(node).Execute() == 1;

    public static ReversePath ReadPath(string text) => text.Length == 0 ? ReversePath.Null : new ReversePath(EmailAddress.Parse(text));

    private static MailParameters ReadMailParameters(Rows rows, int at)
    {
        var (body, dsnReturn) = ((BodyType)rows.Int64(at), (DsnReturn)rows.Int64(at + 1));
        var mode = rows.Int64(at + 6);
        return new MailParameters
        {
            Body = body,
            Return = dsnReturn,
            EnvelopeId = rows.NullableText(at + 2),
            RequireTls = rows.Int64(at + 3) == TlsRequired,
            IgnoreTlsPolicy = rows.Int64(at + 3) == TlsPolicyIgnored,
            HoldUntil = rows.IsNull(at + 4) ? null : rows.Time(at + 4),
            By = rows.IsNull(at + 5) ? null : new DeliverBy(rows.Time(at + 5), (mode & ByModeReturn) != 0, (mode & ByModeTrace) != 0),
            Priority = (int)rows.Int64(at + 7),
        };
    }

    private static RcptParameters ReadRcptParameters(Rows rows, int at)
    {
        var (notify, original) = ((DsnNotify)rows.Int64(at), rows.NullableText(at + 1));
        return notify == DsnNotify.Undeclared && original is null
            ? RcptParameters.None
            : new RcptParameters { Notify = notify, OriginalRecipient = original };
    }

    private static long ByModeOf(DeliverBy? by) => by is null ? 0 : (by.Returns ? ByModeReturn : 0) | (by.Trace ? ByModeTrace : 0);

    // RFC 2852 §4.1.4: what must not come late is given up when it would.
    private DateTimeOffset ExpiryOf(Letter letter)
    {
        var expiry = (letter.Parameters.HoldUntil ?? letter.ArrivedAt) + settings.Lifetime;
        return letter.Parameters.By is { Returns: true, Deadline: var deadline } && deadline < expiry ? deadline : expiry;
    }

    private int InsertRecipients(
        Transaction tx, long entry, RoutedMail mail, long pinned, DateTimeOffset due, IReadOnlyList<Leg> legs, HashSet<string> lanes)
    {
        var inserted = 0;
        var rules = routes.Current(tx);
        // One that has been removed meanwhile is as good as none.
        var chosen = pinned == 0 ? null : rules.Routes.FirstOrDefault(route => route.Id == pinned);
        foreach (var leg in legs)
        {
            var (kind, account, address) = leg.Target switch
            {
                Target.Local local => (LegKind.Local, (long?)local.Account.Value, local.Address),
                Target.Remote remote => (LegKind.Remote, null, remote.Address),
                Target.Reports reports => (LegKind.Reports, null, reports.Address),
                _ => (LegKind.Unfollowed, null, leg.Original),
            };
            var route = kind == LegKind.Remote ? chosen ?? rules.Decide(mail, address) : null;
            var lane = kind == LegKind.Remote ? rules.LaneOf(route, address) : Lane.LocalName;
            lanes.Add(lane);
            inserted += tx.Prepare(InsertRecipientSql)
                .Bind(entry).Bind((long)kind).Bind(account).Bind(address.ToString()).Bind(leg.Original.ToString()).Bind(address.Domain.Ascii)
                .Bind(lane).Bind((long)(route is { Action: RouteAction.Hold } ? QueueState.Held : QueueState.Waiting)).Bind(due)
                .Bind((long)leg.Parameters.Notify).Bind(leg.Parameters.OriginalRecipient).Bind(chosen?.Id ?? 0).Execute();
        }
        return inserted;
    }
}
