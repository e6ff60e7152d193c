using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>What protocols do to mailboxes.</summary>
public sealed class Mailboxes
{
    private readonly Database _db;
    private readonly Emails _emails;
    private readonly ViewCache _views;

    internal Mailboxes(Database db, Emails emails, ViewCache views) => (_db, _emails, _views) = (db, emails, views);

    /// <summary>All of them with their counters, INBOX first, then by path.</summary>
    public ValueTask<IReadOnlyList<Mailbox>> ListAsync(AccountId account, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<Mailbox>>(db => MailboxRows.List(db, account), ct);

    public ValueTask<Mailbox?> FindAsync(AccountId account, string path, CancellationToken ct = default)
    {
        if (!MailboxPath.Parse(path).TryGet(out var parsed)) return new((Mailbox?)null);
        return _db.ReadAsync(db => MailboxRows.Find(db, account, parsed) is { } id ? MailboxRows.Get(db, account, id) : null, ct);
    }

    public ValueTask<Mailbox?> FindAsync(AccountId account, MailboxId mailbox, CancellationToken ct = default) =>
        _db.ReadAsync(db => MailboxRows.Get(db, account, mailbox), ct);

    public ValueTask<Mailbox?> FindAsync(AccountId account, MailboxRole role, CancellationToken ct = default) =>
        _db.ReadAsync(db => MailboxRows.FindRole(db, account, role) is { } id ? MailboxRows.Get(db, account, id) : null, ct);

    /// <summary>Within another room's action, for filing: the mailbox of a path, or null.</summary>
    public MailboxId? Find(Snapshot db, AccountId account, string path) =>
        MailboxPath.Parse(path).TryGet(out var parsed) ? MailboxRows.Find(db, account, parsed) : null;

    /// <summary>Why a mailbox is not deleted; compare by reference.</summary>
    public static Refusal HasChildren { get; } = new(RefusalKind.Conflict, "The mailbox has mailboxes below it");

    public static Refusal HasMessages { get; } = new(RefusalKind.Conflict, "The mailbox has messages in it");

    /// <summary>JMAP's way of making a mailbox, all of its properties in one action.</summary>
    public ValueTask<Result<Mailbox>> CreateAsync(
        AccountId account, MailboxUpdate properties, AccountState? expected = null, CancellationToken ct = default) =>
        Refusing.Run(_db, tx => Emails.Guarded(tx, account, expected, () => MailboxUpdate.Create(tx, account, properties, _views)), ct);

    /// <summary>JMAP's way of changing a mailbox, all of its properties in one action.</summary>
    public ValueTask<Result<Mailbox>> UpdateAsync(
        AccountId account, MailboxId mailbox, MailboxUpdate change, AccountState? expected = null, CancellationToken ct = default) =>
        Refusing.Run(_db, tx => Emails.Guarded(tx, account, expected, () => MailboxUpdate.Change(tx, account, mailbox, change, _views)), ct);

    /// <summary>Makes the mailbox, and those above it that do not exist (RFC 9051 §6.3.4).</summary>
    public async ValueTask<Result<Mailbox>> CreateAsync(
        AccountId account, string path, MailboxRole? role = null, CancellationToken ct = default)
    {
        var parsed = MailboxPath.Parse(path);
        if (!parsed.TryGet(out var names)) return parsed.Refusal!;
        return await Refusing.Run(
            _db, tx => MailboxRows.Get(tx, account, MailboxEdit.Create(tx, account, names, role, _views))!, ct);
    }

    /// <summary>Gives it another name or place; mailboxes below it come along. Renaming INBOX moves its messages (RFC 9051 §6.3.6).</summary>
    public async ValueTask<Result<Mailbox>> RenameAsync(AccountId account, MailboxId mailbox, string newPath, CancellationToken ct = default)
    {
        var parsed = MailboxPath.Parse(newPath);
        if (!parsed.TryGet(out var names)) return parsed.Refusal!;
        if (mailbox != Mailbox.Inbox)
        {
            return await Refusing.Run(
                _db,
                tx =>
                {
                    MailboxEdit.Rename(tx, account, mailbox, names, _views);
                    return MailboxRows.Get(tx, account, mailbox)!;
                },
                ct);
        }

        var created = await Refusing.Run(
            _db,
            tx =>
            {
                var id = MailboxEdit.Create(tx, account, names, null, _views);
                Annotations.Copy(tx, account, mailbox, id);
                return MailboxRows.Get(tx, account, id)!;
            },
            ct);
        if (!created.TryGet(out var target)) return created;
        using (var view = await OpenAsync(account, Mailbox.Inbox, ct))
        {
            var uids = new List<Uid>();
            for (var i = 0; i < view?.Current.Count; i++) uids.Add(view.Current[i].Uid);
            var moved = await _emails.MoveAsync(account, Mailbox.Inbox, uids, target.Id, ct);
            if (!moved.Ok) return moved.Refusal!;
        }

        return await FindAsync(account, target.Id, ct) is { } now ? now : AccountEdit.NoMailbox;
    }

    /// <summary>Deletes a mailbox with its messages. One with mailboxes below it is refused.</summary>
    public ValueTask<Result<bool>> DeleteAsync(AccountId account, MailboxId mailbox, CancellationToken ct = default) =>
        DeleteAsync(account, mailbox, false, null, ct);

    /// <param name="onlyEmpty">Refuse when JMAP sees a message in it.</param>
    /// <param name="expected">Refuse when the account is in another state.</param>
    public async ValueTask<Result<bool>> DeleteAsync(
        AccountId account, MailboxId mailbox, bool onlyEmpty, AccountState? expected, CancellationToken ct = default)
    {
        var hidden = await Refusing.Run(
            _db,
            tx => Emails.Guarded(tx, account, expected, () => MailboxEdit.Doom(tx, account, mailbox, onlyEmpty, _views)),
            ct);
        if (!hidden.TryGet(out var messages)) return hidden.Refusal!;
        if (messages) await FinishDeleteAsync(account, mailbox, CancellationToken.None);
        return true;
    }

    /// <summary>Another role or place in the list; null leaves the order, role null takes the role away.</summary>
    public async ValueTask<Result<Mailbox>> ChangeAsync(
        AccountId account, MailboxId mailbox, MailboxRole? role, uint? sortOrder, CancellationToken ct = default) =>
        await Refusing.Run(
            _db,
            tx =>
            {
                MailboxEdit.Change(tx, account, mailbox, role, sortOrder, _views);
                return MailboxRows.Get(tx, account, mailbox)!;
            },
            ct);

    /// <summary>A name may be subscribed that does not exist, and stays when its mailbox is deleted (RFC 9051 §6.3.7).</summary>
    public async ValueTask<Result<bool>> SubscribeAsync(AccountId account, string path, bool subscribed, CancellationToken ct = default)
    {
        var parsed = MailboxPath.Parse(path);
        if (!parsed.TryGet(out var names)) return parsed.Refusal!;
        return await Refusing.Run(_db, tx => MailboxEdit.Subscribe(tx, account, names, subscribed, _views), ct);
    }

    /// <summary>All subscribed names, those without a mailbox included, sorted.</summary>
    public ValueTask<IReadOnlyList<string>> SubscriptionsAsync(AccountId account, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<string>>(db => [.. MailboxRows.Subscriptions(db, account).Order(StringComparer.Ordinal)], ct);

    /// <summary>The shared index of the mailbox, or null when there is no such mailbox.</summary>
    public ValueTask<MailboxView?> OpenAsync(AccountId account, MailboxId mailbox, CancellationToken ct = default) =>
        _views.OpenAsync(account, mailbox, ct);

    /// <summary>Messages that no session has been told of (RFC 3501 §2.3.2), as far as this process knows.</summary>
    public int CountRecent(AccountId account, MailboxId mailbox) => _views.CountRecent(account, mailbox);

    /// <summary>Rights of others on a mailbox, as RFC 4314 letters; empty rights take the row away.</summary>
    public async ValueTask<Result<bool>> GrantAsync(
        AccountId account, MailboxId mailbox, AccountId grantee, string rights, CancellationToken ct = default) =>
        await Refusing.Run(_db, tx => MailboxEdit.Grant(tx, account, mailbox, grantee, rights, _views), ct);

    public ValueTask<IReadOnlyList<(AccountId Grantee, string Rights)>> RightsAsync(
        AccountId account, MailboxId mailbox, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<(AccountId, string)>>(
            db =>
            {
                var found = new List<(AccountId, string)>();
                using var rows = db.Prepare("SELECT grantee, rights FROM acl WHERE account = $1 AND mailbox = $2 ORDER BY grantee")
                    .Bind(account.Value).Bind(mailbox.Value).Query();
                while (rows.Next()) found.Add((new AccountId(rows.Int64(0)), rows.Text(1)));
                return found;
            },
            ct);

    /// <summary>Empties mailboxes whose deletion was interrupted.</summary>
    internal async Task FinishDeletesAsync(CancellationToken ct)
    {
        var doomed = await _db.ReadAsync(
            db =>
            {
                var found = new List<(AccountId, MailboxId)>();
                using var rows = db.Prepare("SELECT account, mailbox FROM mailbox WHERE parent = -1").Query();
                while (rows.Next()) found.Add((new AccountId(rows.Int64(0)), new MailboxId(rows.Int64(1))));
                return found;
            },
            ct);
        foreach (var (account, mailbox) in doomed) await FinishDeleteAsync(account, mailbox, ct);
    }

    private async Task FinishDeleteAsync(AccountId account, MailboxId mailbox, CancellationToken ct)
    {
        _ = await _emails.ExpungeAsync(account, mailbox, db => MembershipRows.Uids(db, account, mailbox), false, ct);
        await _db.WriteAsync(tx => MailboxEdit.Bury(tx, account, mailbox), ct);
    }
}
