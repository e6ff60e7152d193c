using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>One entry of a mailbox's or the server's annotations (RFC 5464 §3.2).</summary>
/// <param name="Entry">In lower case: names are compared without case.</param>
/// <param name="Value">Null takes the entry away.</param>
public sealed record Annotation(string Entry, byte[]? Value)
{
    /// <summary>Seen by its writer alone; what is not private is shared.</summary>
    public bool IsPrivate => Entry.StartsWith("/private/", StringComparison.Ordinal);
}

/// <summary>Annotations of mailboxes and of the server (RFC 5464). Whoever calls has looked at who may.</summary>
public sealed class Annotations
{
    private const string ReadSql =
        "SELECT entry, value FROM annotation WHERE account = $1 AND mailbox = $2 AND (owner = 0 OR owner = $3) ORDER BY entry";

    private const string ReadAllSql =
        "SELECT mailbox, entry, value FROM annotation WHERE account = $1 AND mailbox > 0 AND (owner = 0 OR owner = $2)";

    private const string WriteSql = """
        INSERT INTO annotation (account, mailbox, owner, entry, value) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, mailbox, owner, entry) DO UPDATE SET value = excluded.value
        """;

    private const string DeleteSql = "DELETE FROM annotation WHERE account = $1 AND mailbox = $2 AND owner = $3 AND entry = $4";

    private const string CountSql =
        "SELECT COALESCE(SUM(CASE WHEN mailbox = $1 AND owner = $2 THEN 1 ELSE 0 END), 0), COALESCE(SUM(LENGTH(value)), 0) "
        + "FROM annotation WHERE account = $3";

    private static readonly AccountId Everybody = new(0);
    private static readonly MailboxId Server = new(0);

    private readonly Database _db;
    private readonly ViewCache _views;

    internal Annotations(Database db, ViewCache views) => (_db, _views) = (db, views);

    /// <summary>Refused with it: there are too many entries. Its limits are told by others (RFC 5464 §4.3).</summary>
    public static Refusal TooMany { get; } = new(RefusalKind.TooMany, "there are too many annotations");

    /// <summary>What somebody sees of a mailbox's entries, sorted.</summary>
    public ValueTask<IReadOnlyList<Annotation>> OfMailboxAsync(
        AccountId account, MailboxId mailbox, AccountId reader, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<Annotation>>(db => Read(db, account, mailbox, reader), ct);

    /// <summary>What somebody sees of the entries of all mailboxes of an account.</summary>
    public ValueTask<IReadOnlyList<(MailboxId Mailbox, Annotation Annotation)>> OfMailboxesAsync(
        AccountId account, AccountId reader, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<(MailboxId, Annotation)>>(
            db =>
            {
                var found = new List<(MailboxId, Annotation)>();
                using var rows = db.Prepare(ReadAllSql).Bind(account.Value).Bind(reader.Value).Query();
                while (rows.Next()) found.Add((new MailboxId(rows.Int64(0)), new Annotation(rows.Text(1), rows.Blob(2).ToArray())));
                return found;
            },
            ct);

    /// <summary>What somebody sees of the server's entries, sorted.</summary>
    public ValueTask<IReadOnlyList<Annotation>> OfServerAsync(AccountId reader, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<Annotation>>(
            db => [.. Read(db, reader, Server, reader).Concat(Read(db, Everybody, Server, reader)).OrderBy(a => a.Entry, StringComparer.Ordinal)],
            ct);

    /// <summary>All of them or none.</summary>
    public ValueTask<Result<bool>> SetOnMailboxAsync(
        AccountId account, MailboxId mailbox, AccountId writer, IReadOnlyList<Annotation> annotations, CancellationToken ct = default) =>
        Refusing.Run(
            _db,
            tx =>
            {
                tx.LockAccount(account);
                MailboxRows.Require(tx, account, mailbox);
                foreach (var annotation in annotations) Write(tx, account, mailbox, annotation.IsPrivate ? writer : Everybody, annotation);
                tx.OnCommit(() => _views.Wake(account));
                return true;
            },
            ct);

    /// <summary>All of them or none.</summary>
    public ValueTask<Result<bool>> SetOnServerAsync(AccountId writer, IReadOnlyList<Annotation> annotations, CancellationToken ct = default) =>
        Refusing.Run(
            _db,
            tx =>
            {
                tx.LockAccount(writer);
                foreach (var annotation in annotations)
                {
                    var owner = annotation.IsPrivate ? writer : Everybody;
                    Write(tx, owner, Server, owner, annotation);
                }

                tx.OnCommit(() => _views.Wake(annotations.All(annotation => annotation.IsPrivate) ? writer : null));
                return true;
            },
            ct);

    /// <summary>A mailbox has gone.</summary>
    internal static void Forget(Transaction tx, AccountId account, MailboxId mailbox) =>
        tx.Prepare("DELETE FROM annotation WHERE account = $1 AND mailbox = $2").Bind(account.Value).Bind(mailbox.Value).Execute();

    /// <summary>RFC 5464 §4.1: INBOX keeps its annotations when its messages go to a new name, which gets them too.</summary>
    internal static void Copy(Transaction tx, AccountId account, MailboxId from, MailboxId to) =>
        tx.Prepare("""
            INSERT INTO annotation (account, mailbox, owner, entry, value)
            SELECT account, $1, owner, entry, value FROM annotation WHERE account = $2 AND mailbox = $3
            """).Bind(to.Value).Bind(account.Value).Bind(from.Value).Execute();

    private static List<Annotation> Read(Snapshot db, AccountId account, MailboxId mailbox, AccountId reader)
    {
        var found = new List<Annotation>();
        using var rows = db.Prepare(ReadSql).Bind(account.Value).Bind(mailbox.Value).Bind(reader.Value).Query();
        while (rows.Next()) found.Add(new Annotation(rows.Text(0), rows.Blob(1).ToArray()));
        return found;
    }

    private static void Write(Transaction tx, AccountId account, MailboxId mailbox, AccountId owner, Annotation annotation)
    {
        if (annotation.Value is not { } value)
        {
            tx.Prepare(DeleteSql).Bind(account.Value).Bind(mailbox.Value).Bind(owner.Value).Bind(annotation.Entry).Execute();
            return;
        }

        tx.Prepare(WriteSql).Bind(account.Value).Bind(mailbox.Value).Bind(owner.Value).Bind(annotation.Entry).Bind(value).Execute();
        using var rows = tx.Prepare(CountSql).Bind(mailbox.Value).Bind(owner.Value).Bind(account.Value).Query();
        rows.Next();
        if (rows.Int64(0) > StoreLimits.AnnotationsMax || rows.Int64(1) > StoreLimits.AnnotationOctetsMax) throw new RefusalException(TooMany);
    }
}
