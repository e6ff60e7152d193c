using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>What protocols do to Emails. Large work goes in slices, each an action and a change number of its own.</summary>
public sealed class Emails
{
    private const int DetailsPerRead = 1_000;

    private readonly Database _db;
    private readonly BlobStore _blobs;
    private readonly ViewCache _views;

    internal Emails(Database db, BlobStore blobs, ViewCache views) => (_db, _blobs, _views) = (db, blobs, views);

    /// <summary>Within the caller's action, which may deliver to several accounts in the order of their ids.</summary>
    /// <param name="mailbox">Null for the INBOX.</param>
    /// <exception cref="RefusalException">Over quota, no such mailbox or account: this delivery has changed nothing, and the action may go on
    /// without it.</exception>
    public Delivered Deliver(Transaction tx, AccountId account, MailboxId? mailbox, NewEmail email)
    {
        if (Arrival.Check(email) is { } refusal) throw new RefusalException(refusal);
        return Arrival.Run(tx, account, mailbox ?? Mailbox.Inbox, [email], _blobs, _views)[0];
    }

    /// <summary>As the other, into the mailbox that has a role; into the INBOX when the account has none.</summary>
    /// <exception cref="RefusalException">As the other's.</exception>
    public Delivered Deliver(Transaction tx, AccountId account, MailboxRole role, NewEmail email) =>
        Deliver(tx, account, role == MailboxRole.Inbox ? null : MailboxRows.FindRole(tx, account, role), email);

    /// <summary>All of them or none.</summary>
    public ValueTask<Result<Appended>> AppendAsync(
        AccountId account, MailboxId mailbox, IReadOnlyList<NewEmail> emails, CancellationToken ct = default)
    {
        if (emails.Count > StoreLimits.AppendEmailsMax)
        {
            return new(new Refusal(RefusalKind.TooMany, $"At most {StoreLimits.AppendEmailsMax} messages are appended at once"));
        }

        foreach (var email in emails)
        {
            if (Arrival.Check(email) is { } refusal) return new(refusal);
        }

        return RunAsync(account, tx =>
        {
            var delivered = Arrival.Run(tx, account, mailbox, emails, _blobs, _views);
            return new Appended(
                delivered.Count > 0 ? delivered[0].UidValidity : 0,
                delivered.ConvertAll(static d => d.Uid),
                delivered.ConvertAll(static d => d.Email),
                delivered.Count > 0 ? delivered[^1].ModSeq : default);
        }, ct);
    }

    /// <summary>A message comes, and one that it replaces goes, in one action (RFC 8508 §3.4): the quota sees the difference.</summary>
    /// <returns>Null when the message to be replaced is not there: nothing has changed.</returns>
    public ValueTask<Result<Appended?>> ReplaceAsync(
        AccountId account, MailboxId from, Uid uid, MailboxId to, NewEmail email, CancellationToken ct = default)
    {
        if (Arrival.Check(email) is { } refusal) return new(refusal);
        return RunAsync<Appended?>(account, tx =>
        {
            if (Expunge.Run(tx, account, from, [uid], onlyDeleted: false, _blobs, _views).Count == 0) return null;
            var delivered = Arrival.Run(tx, account, to, [email], _blobs, _views)[0];
            return new Appended(delivered.UidValidity, [delivered.Uid], [delivered.Email], delivered.ModSeq);
        }, ct);
    }

    /// <param name="unchangedSince">Messages changed after this number are left alone and told.</param>
    public async ValueTask<Result<FlagsStored>> StoreFlagsAsync(
        AccountId account,
        MailboxId mailbox,
        IReadOnlyList<Uid> uids,
        FlagOperation operation,
        SystemFlags system,
        IReadOnlyList<string> keywords,
        ModSeq? unchangedSince = null,
        CancellationToken ct = default)
    {
        if (Keyword.Check(keywords) is { } refusal) return refusal;
        var change = new FlagChange(operation, system, keywords, unchangedSince);
        var total = new FlagsStored(default, 0, [], []);
        foreach (var slice in Slices(uids, StoreLimits.RowsPerAction))
        {
            var done = await RunAsync(account, tx => FlagEdit.Run(tx, account, mailbox, slice.Span, change, _views), ct);
            if (!done.TryGet(out var part)) return done;
            total = new FlagsStored(
                part.ModSeq > total.ModSeq ? part.ModSeq : total.ModSeq,
                total.Changed + part.Changed,
                [.. total.Conflicts, .. part.Conflicts],
                [.. total.Missing, .. part.Missing]);
        }

        return total;
    }

    /// <summary>All of them or none (RFC 9051 §6.4.7); uids that do not exist are passed over.</summary>
    public async ValueTask<Result<Copied>> CopyAsync(
        AccountId account, MailboxId from, IReadOnlyList<Uid> uids, MailboxId to, CancellationToken ct = default)
    {
        var pairs = new List<(Uid From, Uid To)>(uids.Count);
        var uidValidity = 0u;
        try
        {
            foreach (var slice in Slices(uids, StoreLimits.RowsPerAction))
            {
                var done = await RunAsync(account, tx => Transfer.Copy(tx, account, from, slice.Span, to, _views), ct);
                if (!done.TryGet(out var part))
                {
                    await UndoAsync(account, to, pairs);
                    return done;
                }

                uidValidity = part.UidValidity;
                pairs.AddRange(part.Uids);
            }
        }
        catch
        {
            await UndoAsync(account, to, pairs);
            throw;
        }

        return new Copied(uidValidity, pairs);
    }

    /// <summary>Each message is in one of both mailboxes at any time (RFC 6851 §3.3); a refusal may come after some have been moved.</summary>
    public async ValueTask<Result<Copied>> MoveAsync(
        AccountId account, MailboxId from, IReadOnlyList<Uid> uids, MailboxId to, CancellationToken ct = default)
    {
        var pairs = new List<(Uid From, Uid To)>(uids.Count);
        var uidValidity = 0u;
        foreach (var slice in Slices(uids, StoreLimits.RowsPerAction))
        {
            var done = await RunAsync(account, tx => Transfer.Move(tx, account, from, slice.Span, to, _views), ct);
            if (!done.TryGet(out var part)) return done;
            uidValidity = part.UidValidity;
            pairs.AddRange(part.Uids);
        }

        return new Copied(uidValidity, pairs);
    }

    /// <summary>Takes away the messages that carry \Deleted.</summary>
    /// <param name="only">Not others than these (UID EXPUNGE, RFC 9051 §6.4.9); null for all.</param>
    /// <returns>The uids that are gone, rising.</returns>
    public ValueTask<Result<IReadOnlyList<Uid>>> ExpungeAsync(
        AccountId account, MailboxId mailbox, IReadOnlyList<Uid>? only = null, CancellationToken ct = default) =>
        ExpungeAsync(account, mailbox, db => Expunge.Candidates(db, account, mailbox, only), true, ct);

    /// <summary>Takes away messages whether they carry \Deleted or not (JMAP Email/set, POP3 DELE).</summary>
    public ValueTask<Result<IReadOnlyList<Uid>>> RemoveAsync(
        AccountId account, MailboxId mailbox, IReadOnlyList<Uid> uids, CancellationToken ct = default) =>
        ExpungeAsync(account, mailbox, _ => MembershipRows.Sorted(uids), false, ct);

    /// <summary>JMAP's way of changing Emails: those of one call in as few actions as their number allows.</summary>
    /// <param name="expected">Refuses all of it when the account is in another state (RFC 8620 §5.3 ifInState).</param>
    /// <returns>For each update null, or why it was refused.</returns>
    public async ValueTask<Result<Refusal?[]>> UpdateAsync(
        AccountId account, IReadOnlyList<EmailUpdate> updates, AccountState? expected = null, CancellationToken ct = default)
    {
        foreach (var update in updates)
        {
            if (Keyword.CheckEach(update.AddedKeywords) is { } refusal) return refusal;
        }

        var refusals = new List<Refusal?>(updates.Count);
        foreach (var slice in updates.Chunk(StoreLimits.UpdatesPerAction))
        {
            var wanted = refusals.Count == 0 ? expected : null;
            var done = await RunAsync(account, tx => Guarded(tx, account, wanted, () => EmailEdit.Run(tx, account, slice, _views)), ct);
            if (!done.TryGet(out var part)) return done;
            refusals.AddRange(part);
        }

        return refusals.ToArray();
    }

    /// <summary>Emails go with all their memberships.</summary>
    /// <returns>For each Email null, or why it was refused.</returns>
    public async ValueTask<Result<Refusal?[]>> DestroyAsync(
        AccountId account, IReadOnlyList<EmailId> emails, AccountState? expected = null, CancellationToken ct = default)
    {
        var refusals = new List<Refusal?>(emails.Count);
        foreach (var slice in emails.Chunk(StoreLimits.ExpungesPerAction))
        {
            var wanted = refusals.Count == 0 ? expected : null;
            var done = await RunAsync(
                account, tx => Guarded(tx, account, wanted, () => EmailDestruction.Run(tx, account, slice, _blobs, _views)), ct);
            if (!done.TryGet(out var part)) return done;
            refusals.AddRange(part);
        }

        return refusals.ToArray();
    }

    /// <summary>A new Email, in all of its mailboxes at once.</summary>
    /// <param name="mailboxes">At least one.</param>
    public ValueTask<Result<Delivered>> CreateAsync(
        AccountId account, NewEmail email, IReadOnlyList<MailboxId> mailboxes, AccountState? expected = null, CancellationToken ct = default)
    {
        if (Arrival.Check(email) is { } refusal) return new(refusal);
        return RunAsync(account, tx => Guarded(tx, account, expected, () => Create(tx, account, email, mailboxes)), ct);
    }

    private Delivered Create(Transaction tx, AccountId account, NewEmail email, IReadOnlyList<MailboxId> mailboxes)
    {
        tx.LockAccount(account);
        var alive = MailboxRows.Alive(tx, account);
        if (mailboxes.Any(mailbox => !alive.Contains(mailbox.Value))) throw new RefusalException(EmailRefusals.NoSuchMailbox);
        var delivered = Arrival.Run(tx, account, mailboxes[0], [email], _blobs, _views)[0];
        if (mailboxes.Count > 1) EmailEdit.Run(tx, account, [new EmailUpdate(delivered.Email) { AddedMailboxes = mailboxes }], _views);
        return delivered;
    }

    /// <summary>Runs the action when the account is in the state that the client knows.</summary>
    internal static T Guarded<T>(Transaction tx, AccountId account, AccountState? expected, Func<T> action)
    {
        tx.LockAccount(account);
        if (expected is { } state && AccountState.Read(tx, account) != state) throw new RefusalException(EmailRefusals.StateMismatch);
        return action();
    }

    /// <summary>What a POP3 session leaves behind, in one commit (RFC 1939 §6); only what is more than an action may touch takes several.</summary>
    public async ValueTask<Result<int>> UpdateMaildropAsync(
        AccountId account, IReadOnlyList<MaildropUpdate> updates, CancellationToken ct = default)
    {
        var gone = 0;
        foreach (var part in MaildropUpdate.Slices(updates, StoreLimits.RowsPerAction))
        {
            var done = await RunAsync(account, tx => MaildropUpdate.Run(tx, account, part, _blobs, _views), ct);
            if (!done.TryGet(out var removed)) return done;
            gone += removed;
        }

        return gone;
    }

    /// <summary>Visits each of the Emails that exists with what is stored of it, in the order of their numbers.</summary>
    /// <param name="visitor">Runs inside of the read: it must not block. A thousand Emails at most share one snapshot.</param>
    public async ValueTask ReadDetailsAsync(
        AccountId account, ReadOnlyMemory<EmailId> emails, DetailParts parts, EmailDetailVisitor visitor, CancellationToken ct = default)
    {
        for (var start = 0; start < emails.Length; start += DetailsPerRead)
        {
            var offset = start;
            var slice = emails.Slice(start, Math.Min(DetailsPerRead, emails.Length - start));
            await _db.ReadAsync(
                db =>
                {
                    EmailReading.Visit(db, account, slice.Span, offset, parts, visitor);
                    return true;
                },
                ct);
        }
    }

    /// <summary>
    /// Visits each of the Emails that JMAP sees with what is stored of it and where it lies, all in one snapshot; an Email that is asked for twice
    /// is visited twice.
    /// </summary>
    /// <param name="visitor">Runs inside of the read: it must not block.</param>
    /// <returns>The state of that snapshot; null when the account has no mailboxes.</returns>
    public ValueTask<AccountState?> ReadAsync(
        AccountId account, ReadOnlyMemory<EmailId> emails, DetailParts parts, EmailVisitor visitor, CancellationToken ct = default) =>
        _db.ReadAsync(
            db =>
            {
                var state = AccountState.Read(db, account);
                if (state is null) return state;
                var places = EmailPlaces.Read(db, account, emails.Span);
                EmailReading.Visit(db, account, emails.Span, 0, parts, (int index, in EmailDetail detail) =>
                {
                    if (places.TryGetValue(detail.Email, out var place)) visitor(index, detail, place);
                });
                return state;
            },
            ct);

    /// <summary>
    /// The Emails of each Thread that JMAP sees, oldest first (RFC 8621 §3), in one snapshot; empty for a Thread that is not there.
    /// </summary>
    public ValueTask<(AccountState? State, IReadOnlyList<IReadOnlyList<EmailId>> Threads)> ThreadsAsync(
        AccountId account, IReadOnlyList<ThreadId> threads, CancellationToken ct = default) =>
        _db.ReadAsync<(AccountState?, IReadOnlyList<IReadOnlyList<EmailId>>)>(
            db => (AccountState.Read(db, account), [.. threads.Select(thread => SeenInThread(db, account, thread))]), ct);

    internal static IReadOnlyList<EmailId> SeenInThread(Snapshot db, AccountId account, ThreadId thread)
    {
        var emails = InThread(db, account, thread);
        var seen = EmailPlaces.Read(db, account, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(emails));
        return seen.Count == emails.Count ? emails : emails.FindAll(seen.ContainsKey);
    }

    /// <summary>The message's octets, or null when there is no such Email.</summary>
    public async ValueTask<StoredMessage?> OpenMessageAsync(AccountId account, EmailId email, CancellationToken ct = default)
    {
        var found = await _db.ReadAsync<(BlobId Blob, byte[] Prefix)?>(
            db =>
            {
                using var rows = db.Prepare("SELECT blob, prefix FROM email WHERE id = $1").Bind(EmailTable.Key(account, email)).Query();
                return rows.Next() ? (new BlobId(rows.Blob(0)), rows.Blob(1).ToArray()) : null;
            },
            ct);
        return found is var (id, prefix) ? await OpenMessageAsync(email, id, prefix, ct) : null;
    }

    /// <summary>
    /// As the other, for whoever has just read the Email's <see cref="EmailDetail.Blob"/> and <see cref="EmailDetail.TracePrefix"/>.
    /// </summary>
    public async ValueTask<StoredMessage?> OpenMessageAsync(EmailId email, BlobId id, byte[] tracePrefix, CancellationToken ct = default) =>
        await _blobs.OpenAsync(id, ct) is { } blob ? new StoredMessage(email, tracePrefix, blob) : null;

    /// <summary>Where an Email lies: its mailboxes, uids and flags; empty when it does not exist.</summary>
    public ValueTask<IReadOnlyList<(MailboxId Mailbox, EmailRow Row)>> MembershipsAsync(
        AccountId account, EmailId email, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<(MailboxId, EmailRow)>>(db => MembershipRows.OfEmail(db, account, email), ct);

    /// <summary>The Emails of a Thread, oldest first (RFC 8621 §3).</summary>
    public ValueTask<IReadOnlyList<EmailId>> ThreadAsync(AccountId account, ThreadId thread, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<EmailId>>(db => InThread(db, account, thread), ct);

    private static List<EmailId> InThread(Snapshot db, AccountId account, ThreadId thread)
    {
        var found = new List<(long Received, long Key)>();
        var key = EmailTable.Key(account, thread);
        using (var rows = db.Prepare("""
            SELECT received_at, id FROM email WHERE id = $1 AND thread = $1
            UNION ALL SELECT received_at, id FROM email WHERE thread = $1 AND thread <> id
            """).Bind(key).Query())
        {
            while (rows.Next()) found.Add((rows.Int64(0), rows.Int64(1)));
        }

        found.Sort();
        return found.ConvertAll(static f => EmailTable.EmailOf(f.Key));
    }

    internal async ValueTask<Result<IReadOnlyList<Uid>>> ExpungeAsync(
        AccountId account, MailboxId mailbox, Func<Snapshot, Uid[]> candidates, bool onlyDeleted, CancellationToken ct)
    {
        var gone = new List<Uid>();
        try
        {
            var uids = await _db.ReadAsync(candidates, ct);
            foreach (var slice in Slices(uids, StoreLimits.ExpungesPerAction))
            {
                gone.AddRange(await _db.WriteAsync(
                    tx => Expunge.Run(tx, account, mailbox, slice.Span, onlyDeleted, _blobs, _views), ct));
            }

            await _views.CatchUpAsync(account);
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }

        return gone;
    }

    /// <summary>Who is told that it was done finds it done in the open mailboxes, too.</summary>
    private async ValueTask<Result<T>> RunAsync<T>(AccountId account, Func<Transaction, T> action, CancellationToken ct)
    {
        var done = await Refusing.Run(_db, action, ct);
        await _views.CatchUpAsync(account);
        return done;
    }

    private static IEnumerable<ReadOnlyMemory<Uid>> Slices(IReadOnlyList<Uid> uids, int size)
    {
        ReadOnlyMemory<Uid> sorted = MembershipRows.Sorted(uids);
        for (var start = 0; start < sorted.Length || start == 0; start += size)
        {
            yield return sorted.Slice(start, Math.Min(size, sorted.Length - start));
        }
    }

    /// <summary>A later slice of a COPY has failed: the copies that were made go again.</summary>
    private async ValueTask UndoAsync(AccountId account, MailboxId mailbox, List<(Uid From, Uid To)> pairs)
    {
        if (pairs.Count == 0) return;
        _ = await RemoveAsync(account, mailbox, pairs.ConvertAll(static p => p.To), CancellationToken.None);
    }
}

/// <summary>The room's door for actions that may refuse.</summary>
internal static class Refusing
{
    public static async ValueTask<Result<T>> Run<T>(Database db, Func<Transaction, T> action, CancellationToken ct)
    {
        try
        {
            return await db.WriteAsync(action, ct);
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
    }
}
