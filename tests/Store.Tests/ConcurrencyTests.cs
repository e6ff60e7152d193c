using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

public sealed class ConcurrencyTests
{
    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Sixteen_writers_on_one_mailbox_leave_one_order_and_every_view_sees_it(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        using var view = await host.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
        var archive = new MailboxId(6);
        var email = await host.StageAsync();
        async Task Writer(int number)
        {
            await Task.Yield();
            var random = new Random(number);
            for (var i = 0; i < 20; i++)
            {
                var delivered = await host.DeliverAsync(email);
                var uids = new[] { delivered.Uid, new Uid(Math.Max(1, delivered.Uid.Value - 3)) };
                _ = random.Next(4) switch
                {
                    0 => (await host.Emails.StoreFlagsAsync(
                        StoreHost.Account, Mailbox.Inbox, uids, FlagOperation.Add, SystemFlags.Deleted, ["k" + number])).Ok,
                    1 => (await host.Emails.CopyAsync(StoreHost.Account, Mailbox.Inbox, uids, archive)).Ok,
                    2 => (await host.Emails.MoveAsync(StoreHost.Account, Mailbox.Inbox, uids, archive)).Ok,
                    _ => (await host.Emails.ExpungeAsync(StoreHost.Account, Mailbox.Inbox)).Ok,
                };
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 16).Select(Writer));
        await host.AssertSoundAsync();
        using var fresh = await AnotherAsync(host, Mailbox.Inbox);
        var (live, read) = (view!.Current, fresh.Current);
        Assert.Equal(read.HighestModSeq, live.HighestModSeq);
        Assert.Equal(read.Count, live.Count);
        for (var i = 0; i < read.Count; i++) Assert.Equal((read[i].Uid, read[i].ModSeq, read[i].Flags), (live[i].Uid, live[i].ModSeq, live[i].Flags));
        var page = await host.Store.Changes.ReadAsync(StoreHost.Account, default, 100_000);
        var arrived = page.Changes.Where(c => c.Kind == ChangeKind.Arrived).SelectMany(c => c.Emails).ToList();
        Assert.Equal(Enumerable.Range(1, 320), arrived.Select(e => (int)e.Email.Value));
        Assert.Equal(Enumerable.Range(1, 320), arrived.Select(e => (int)e.Uid.Value));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_mailbox_opened_while_messages_arrive_misses_none(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var email = await host.StageAsync();
        var writing = Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            await Task.Yield();
            for (var i = 0; i < 50; i++) await host.DeliverAsync(email);
        }));
        var views = new List<MailboxView>();
        for (var i = 0; i < 20; i++)
        {
            var view = await host.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
            if (i % 2 == 0) views.Add(view!);
            else view!.Dispose();
            await host.DeliverAsync(email);
        }

        await writing;
        Assert.All(views, v => Assert.Equal(220, v.Current.Count));
        foreach (var view in views) view.Dispose();
    }

    [Fact]
    public async Task Another_node_sees_the_changes_of_the_first()
    {
        await using var host = await StoreHost.OpenAsync(DatabaseKind.Postgres);
        await using var other = await host.JoinAsync();
        using var view = await other.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
        using var subscription = other.Store.Changes.Subscribe(StoreHost.Account, Mailbox.Inbox);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        for (var i = 0; i < 5; i++) await host.DeliverAsync("message " + i);
        await host.Emails.StoreFlagsAsync(StoreHost.Account, Mailbox.Inbox, [new Uid(2)], FlagOperation.Add, SystemFlags.Deleted, ["work"]);
        await host.Emails.StoreFlagsAsync(StoreHost.Account, Mailbox.Inbox, [new Uid(4)], FlagOperation.Add, SystemFlags.Seen, ["work"]);
        await host.Emails.ExpungeAsync(StoreHost.Account, Mailbox.Inbox);
        var last = await host.Store.Changes.CurrentAsync(StoreHost.Account);
        while (view!.Current.HighestModSeq < last) await subscription.WaitAsync(patience.Token);
        Assert.Equal([1u, 3, 4, 5], Enumerable.Range(0, view.Current.Count).Select(i => view.Current[i].Uid.Value));
        Assert.Equal(["work"], view.Keywords.Names(view.Current[2].Flags.KeywordSet));
        await other.DeliverAsync("from the other side");
        Assert.Equal(5, view.Current.Count);
        Assert.Equal(6u, view.Current[4].Uid.Value);
    }

    [Fact]
    public async Task A_change_of_another_node_is_not_hidden_by_a_later_one_of_our_own()
    {
        await using var host = await StoreHost.OpenAsync(DatabaseKind.Postgres);
        await using var other = await host.JoinAsync();
        using var inbox = await other.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
        using var archive = await other.Mailboxes.OpenAsync(StoreHost.Account, new MailboxId(6));
        using var subscription = other.Store.Changes.Subscribe(StoreHost.Account);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        for (var i = 1; i <= 20; i++)
        {
            await host.DeliverAsync();
            await other.DeliverAsync("own", new MailboxId(6));
            while (inbox!.Current.Count < i) await subscription.WaitAsync(patience.Token);
            Assert.Equal(i, archive!.Current.Count);
        }
    }

    [Fact]
    public async Task What_was_stored_here_is_in_the_open_mailbox_though_another_node_wrote_before()
    {
        await using var host = await StoreHost.OpenAsync(DatabaseKind.Postgres);
        await using var other = await host.JoinAsync();
        using var inbox = await other.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
        for (var i = 1; i <= 20; i++)
        {
            var first = await host.DeliverAsync();
            var stored = await other.Emails.StoreFlagsAsync(
                StoreHost.Account, Mailbox.Inbox, [first.Uid], FlagOperation.Add, SystemFlags.Flagged, []);
            Assert.Equal(1, stored.Require().Changed);
            Assert.Equal(i, inbox!.Current.Count);
            Assert.Equal(SystemFlags.Flagged, inbox.Current[i - 1].Flags.System);
        }
    }

    /// <summary>Read from the database, past the shared index.</summary>
    private static async Task<MailboxView> AnotherAsync(StoreHost host, MailboxId mailbox)
    {
        await using var store = await MailStore.OpenAsync(
            host.Db, host.SearchDb, host.Blobs, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, default);
        return (await store.Mailboxes.OpenAsync(StoreHost.Account, mailbox))!;
    }
}
