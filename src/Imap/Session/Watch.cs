using Posthorn.Core;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Imap;

/// <summary>What a client asked to be told of by NOTIFY (RFC 5465), and what it was told of it last.</summary>
/// <remarks>
/// The selected mailbox is told of by <see cref="Announcer"/> alone, and only the group SELECTED says what. Of the other mailboxes the list with
/// its counters is kept, and when something happens in the account it is read again: whatever differs is told, however often it changed.
/// </remarks>
internal sealed class Watch(ImapSession session, IReadOnlyList<NotifyGroup> groups) : IDisposable
{
    private readonly ChangeSubscription _changes = session.Server.Store.Changes.Subscribe(session.Account);
    private readonly NotifyGroup? _ofSelected = groups.FirstOrDefault(group => group.IsSelected);
    private readonly List<NotifyGroup> _others = [.. groups.Where(group => !group.IsSelected)];
    private readonly HashSet<string> _own = new(StringComparer.Ordinal);
    private Dictionary<MailboxId, Mailbox> _told = [];
    private AnnotationNames _annotations = new([]);

    private NotifyEvents Selected => _ofSelected?.Events ?? NotifyEvents.None;

    private bool HasAnnotations =>
        _others.Exists(group => (group.Events & (NotifyEvents.MailboxMetadataChange | NotifyEvents.ServerMetadataChange)) != 0);

    /// <summary>Learns what there is, and tells the counters of the mailboxes whose messages are watched.</summary>
    /// <returns>False when the peer is gone.</returns>
    public async ValueTask<bool> BeginAsync(bool tellsStatus, CancellationToken ct)
    {
        if (_others.Count == 0) return true;
        var list = await session.Server.Store.Mailboxes.ListAsync(session.Account, ct);
        _told = list.ToDictionary(mailbox => mailbox.Id);
        if (HasAnnotations) _annotations = await AnnotationNames.ReadAsync(session, ct);
        foreach (var mailbox in tellsStatus ? list : [])
        {
            var events = EventsOf(mailbox) & NotifyGroup.OfMessages;
            if (events == NotifyEvents.None || mailbox.Id == session.Selected?.Id) continue;
            var items = StatusItems.Messages | StatusItems.UidNext | StatusItems.UidValidity;
            if ((events & NotifyEvents.FlagChange) != 0) items |= StatusItems.HighestModSeq;
            Status(mailbox, items);
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        return true;
    }

    /// <summary>What this client does itself it is not told again (RFC 5465 §5): the name of a mailbox, or an annotation's.</summary>
    public void Own(string name) => _own.Add(name);

    /// <summary>Tells what has happened.</summary>
    /// <param name="verb">The command behind which it is told; null between commands.</param>
    /// <returns>False when the peer is gone.</returns>
    public async ValueTask<bool> TellAsync(Verb? verb, bool keepNumbers, CancellationToken ct)
    {
        if (session.Selected is { } selected && !await TellSelectedAsync(selected, verb, keepNumbers, ct)) return false;
        return !_changes.TakeSignal() || await TellOthersAsync(ct);
    }

    /// <summary>The client's next line, and until it comes everything that happens.</summary>
    public async ValueTask<CommandLine> ReadLineAsync(bool idle, CancellationToken ct)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var line = session.Connection.Reader.ReadLineAsync(CancellationToken.None).AsTask();
        while (true)
        {
            var change = _changes.WaitAsync(over.Token).AsTask();
            var isLine = await Task.WhenAny(line, change) == line;
            if (isLine) await over.CancelAsync();
            if (await HappenedAsync(change)) _changes.Signal();
            if (isLine || ct.IsCancellationRequested) return await line;
            // SELECTED-DELAYED keeps message numbers as they are until a command lets them move (RFC 5465 §6.1.2).
            var keeps = !idle && _ofSelected is { Mailboxes.Kind: MailboxSource.SelectedDelayed };
            if (await TellAsync(null, keeps, ct) && await session.Connection.FlushAsync(ct)) continue;
            await over.CancelAsync();
            return new CommandLine(ReadStatus.Closed, default);
        }
    }

    public void Dispose() => _changes.Dispose();

    // The wait is over for good when this returns: there may be one at a time.
    private static async ValueTask<bool> HappenedAsync(Task change)
    {
        await change.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return change.IsCompletedSuccessfully;
    }

    private async ValueTask<bool> TellSelectedAsync(SelectedMailbox mailbox, Verb? verb, bool keepNumbers, CancellationToken ct)
    {
        // Behind a command that changes the mailbox its client must see what it did, whatever it wants to hear of others.
        var changes = verb?.ChangesSelected ?? false;
        if (Selected == NotifyEvents.None && !changes) return true;
        var tellsFlags = changes || (Selected & NotifyEvents.FlagChange) != 0;
        // RFC 5465 §5.2: not of messages that this client has brought.
        var fetch = verb is { BringsMessages: true } ? null : _ofSelected?.Fetch;
        return await Announcer.TellAsync(session, mailbox, keepNumbers, tellsFlags, fetch, ct);
    }

    private async ValueTask<bool> TellOthersAsync(CancellationToken ct)
    {
        if (_others.Count == 0) return true;
        var list = await session.Server.Store.Mailboxes.ListAsync(session.Account, ct);
        var (before, now) = (_told, list.ToDictionary(mailbox => mailbox.Id));
        _told = now;
        foreach (var gone in before.Values.Where(mailbox => !now.ContainsKey(mailbox.Id))) Created(gone, now, exists: false);
        foreach (var mailbox in list)
        {
            if (!before.TryGetValue(mailbox.Id, out var was)) Created(mailbox, now, exists: true);
            else Changed(was, mailbox, before, now);
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        if (HasAnnotations) await TellAnnotationsAsync(now, ct);
        _own.Clear();
        return true;
    }

    // A mailbox that came or went, and its parent, which has other children now (RFC 5465 §5.4).
    private void Created(Mailbox mailbox, Dictionary<MailboxId, Mailbox> now, bool exists)
    {
        if ((EventsOf(mailbox) & NotifyEvents.MailboxName) == 0 || _own.Contains(mailbox.Path)) return;
        Listed(mailbox, exists, oldName: null);
        if (mailbox.Parent is { } id && now.TryGetValue(id, out var parent) && (EventsOf(parent) & NotifyEvents.MailboxName) != 0)
            Listed(parent, exists: true, oldName: null);
    }

    private void Changed(Mailbox was, Mailbox mailbox, Dictionary<MailboxId, Mailbox> before, Dictionary<MailboxId, Mailbox> now)
    {
        var events = EventsOf(mailbox) | EventsOf(was);
        if (was.Path != mailbox.Path && (events & NotifyEvents.MailboxName) != 0 && !_own.Contains(mailbox.Path)
            && !IsMovedAlong(was, mailbox, before, now)) Listed(mailbox, exists: true, was.Path);
        if (was.Subscribed != mailbox.Subscribed && (events & NotifyEvents.SubscriptionChange) != 0 && !_own.Contains(mailbox.Path))
            Listed(mailbox, exists: true, oldName: null);
        if (mailbox.Id != session.Selected?.Id) Counted(was, mailbox, events);
    }

    // RFC 5465 §5.4: mailboxes below one that was renamed are not told of.
    private static bool IsMovedAlong(Mailbox was, Mailbox mailbox, Dictionary<MailboxId, Mailbox> before, Dictionary<MailboxId, Mailbox> now) =>
        was.Parent is { } id && id == mailbox.Parent && was.Name == mailbox.Name
        && before.TryGetValue(id, out var parentWas) && now.TryGetValue(id, out var parent) && parentWas.Path != parent.Path;

    // RFC 5465 §5.1 to §5.3
    private void Counted(Mailbox was, Mailbox mailbox, NotifyEvents events)
    {
        var items = StatusItems.None;
        var withModSeq = session.Has(Extensions.CondStore);
        var comesOrGoes = was.UidNext != mailbox.UidNext || was.Messages != mailbox.Messages;
        if (comesOrGoes && (events & NotifyEvents.MessageNew) != 0) items |= StatusItems.UidNext | StatusItems.Messages;
        if ((events & NotifyEvents.FlagChange) != 0)
        {
            if (was.Unseen != mailbox.Unseen) items |= StatusItems.Unseen | StatusItems.UidValidity;
            if (withModSeq && was.HighestModSeq != mailbox.HighestModSeq) items |= StatusItems.UidValidity;
        }
        if (was.UidValidity != mailbox.UidValidity && (events & NotifyGroup.OfMessages) != 0) items |= StatusItems.UidValidity;
        if (items == StatusItems.None) return;
        Status(mailbox, withModSeq ? items | StatusItems.HighestModSeq : items);
    }

    private async ValueTask TellAnnotationsAsync(Dictionary<MailboxId, Mailbox> now, CancellationToken ct)
    {
        var (before, present) = (_annotations, await AnnotationNames.ReadAsync(session, ct));
        _annotations = present;
        foreach (var (mailbox, names) in present.ChangedSince(before))
        {
            var found = now.GetValueOrDefault(mailbox);
            var isServer = mailbox == AnnotationNames.Server;
            var wanted = isServer ? _others.Exists(group => (group.Events & NotifyEvents.ServerMetadataChange) != 0)
                : found is not null && (EventsOf(found) & NotifyEvents.MailboxMetadataChange) != 0;
            var path = isServer ? "" : found?.Path ?? "";
            List<string> told = [.. names.Where(name => !_own.Contains(path + "\0" + name))];
            if (!wanted || told.Count == 0) continue;
            var w = session.Connection.Write();
            EntryName.WriteNames(ref w, path, session.Has(Extensions.Utf8Names), told);
            w.Commit();
        }
    }

    private NotifyEvents EventsOf(Mailbox mailbox)
    {
        var events = NotifyEvents.None;
        foreach (var group in _others)
        {
            if (group.Mailboxes.Names(mailbox, null)) events |= group.Events;
        }
        return events;
    }

    private void Status(Mailbox mailbox, StatusItems items)
    {
        var w = session.Connection.Write();
        StatusCommand.Write(ref w, session, mailbox, items, deletedOctets: 0);
        w.Commit();
    }

    private void Listed(Mailbox mailbox, bool exists, string? oldName)
    {
        var attributes = new List<string>();
        if (!exists) attributes.Add("\\NonExistent");
        if (exists && mailbox.Subscribed) attributes.Add("\\Subscribed");
        if (exists) attributes.Add(mailbox.HasChildren ? "\\HasChildren" : "\\HasNoChildren");
        if (exists && SpecialUse.Attribute(mailbox.Role) is { } use) attributes.Add(use);
        var w = session.Connection.Write();
        w.Raw("* LIST ("u8);
        w.Text(string.Join(' ', attributes));
        w.Raw(") \"/\" "u8);
        w.Mailbox(mailbox.Path, session.Has(Extensions.Utf8Names));
        if (oldName is not null)
        {
            w.Raw(" (\"OLDNAME\" ("u8);
            w.Mailbox(oldName, session.Has(Extensions.Utf8Names));
            w.Raw("))"u8);
        }
        w.CrLf();
        w.Commit();
    }
}
