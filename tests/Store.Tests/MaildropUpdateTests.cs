using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

public sealed class MaildropUpdateTests
{
    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Messages_of_several_mailboxes_go_and_others_become_seen_in_one_action(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var archive = new MailboxId(6);
        for (var i = 0; i < 3; i++) await host.DeliverAsync();
        await host.DeliverAsync("filed", archive);
        await host.DeliverAsync("filed", archive);
        using var inbox = await host.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
        var gone = (await host.Emails.UpdateMaildropAsync(
            StoreHost.Account,
            [
                new MaildropUpdate(Mailbox.Inbox, [new Uid(3), new Uid(1), new Uid(77)], [new Uid(2)]),
                new MaildropUpdate(archive, [new Uid(1)], []),
                new MaildropUpdate(new MailboxId(99), [new Uid(1)], [new Uid(2)]),
            ])).Require();
        Assert.Equal(3, gone);
        Assert.Equal([new Uid(2)], Enumerable.Range(0, inbox!.Current.Count).Select(i => inbox.Current[i].Uid));
        Assert.True(inbox.Current[0].IsSeen);
        Assert.Equal(1, (await host.SnapshotAsync(archive)).Count);
        await host.AssertSoundAsync();
    }

    [Fact]
    public void No_part_touches_more_than_an_action_may()
    {
        Uid[] uids = [.. Enumerable.Range(1, 25).Select(i => new Uid((uint)i))];
        var parts = MaildropUpdate.Slices(
            [new MaildropUpdate(new MailboxId(1), uids[..15], uids[15..]), new MaildropUpdate(new MailboxId(2), uids[..7], [])], 10).ToList();
        Assert.All(parts[..^1], part => Assert.Equal(10, part.Sum(u => u.Removed.Count + u.Seen.Count)));
        Assert.Equal(32, parts.Sum(part => part.Sum(u => u.Removed.Count + u.Seen.Count)));
        Assert.Equal(uids[..15], parts.SelectMany(p => p).Where(u => u.Mailbox.Value == 1).SelectMany(u => u.Removed));
    }
}
