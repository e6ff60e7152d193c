using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

public sealed class ViewTests
{
    private static MailboxSnapshot Numbers(int count)
    {
        var builder = new SnapshotBuilder();
        for (var i = 1; i <= count; i++) builder.Add(new EmailRow(i, i, i, 1, 0, 100, 0, 0));
        return builder.Build(Mailbox.Inbox, 1, new Uid((uint)count + 1), new ModSeq(1));
    }

    private static MailboxDelta Delta(MailboxSnapshot of) =>
        new(of.Mailbox, of.HighestModSeq, new ModSeq(of.HighestModSeq.Value + 1), of.UidNext);

    [Theory, InlineData(0), InlineData(1), InlineData(1023), InlineData(1024), InlineData(1025), InlineData(5000)]
    public void A_row_is_found_by_its_uid_and_a_missing_one_by_its_place(int count)
    {
        var snapshot = Numbers(count);
        Assert.Equal(count, snapshot.Count);
        for (var i = 0; i < count; i++)
        {
            Assert.Equal(i, snapshot.IndexOf(new Uid((uint)i + 1)));
            Assert.Equal((uint)i + 1, snapshot[i].Uid.Value);
        }

        Assert.Equal(~count, snapshot.IndexOf(new Uid((uint)count + 1)));
        Assert.Equal(count == 0 ? -1 : 0, snapshot.FirstUnseen);
    }

    [Fact]
    public void A_change_of_one_row_shares_all_other_chunks()
    {
        var before = Numbers(5000);
        var after = before.Apply(Delta(before) with { Changed = [before[2500].With(2, 1)] });
        var shared = 0;
        for (var i = 0; i < before.ChunkCount; i++) shared += before.Chunks[i].SharesRowsWith(after.Chunks[i]) ? 1 : 0;
        Assert.Equal(before.ChunkCount - 1, shared);
        Assert.Equal([2500], MailboxSnapshot.Diff(before, after).Changed);
        Assert.Equal((5000, 4999), (before.UnseenCount, after.UnseenCount));
    }

    [Fact]
    public void An_older_snapshot_does_not_see_what_is_appended_behind_it()
    {
        var first = Numbers(3);
        var second = first.Apply(Delta(first) with { UidNext = new Uid(5), Added = [new EmailRow(4, 4, 4, 2, 0, 1, 0, 0)] });
        var third = second.Apply(Delta(second) with { UidNext = new Uid(6), Added = [new EmailRow(5, 5, 5, 3, 0, 1, 0, 0)] });
        Assert.Equal((3, 4, 5), (first.Count, second.Count, third.Count));
        Assert.Equal(~3, first.IndexOf(new Uid(4)));
        Assert.Equal(3, MailboxSnapshot.Diff(first, third).FirstNew);
        Assert.Equal(4, MailboxSnapshot.Diff(second, third).FirstNew);
    }

    [Fact]
    public void Emptying_a_large_mailbox_bit_by_bit_keeps_the_table_small()
    {
        var snapshot = Numbers(20_000);
        var random = new Random(5);
        while (snapshot.Count > 50)
        {
            var removed = Enumerable.Range(0, 97).Select(_ => snapshot[random.Next(snapshot.Count)].Uid).Distinct().Order().ToList();
            var next = snapshot.Apply(Delta(snapshot) with { Removed = removed });
            Assert.Equal(removed, MailboxSnapshot.Diff(snapshot, next).Expunged.Select(i => snapshot[i].Uid));
            snapshot = next;
        }

        Assert.True(snapshot.ChunkCount <= 2);
    }

    [Fact]
    public async Task Idle_indexes_stay_within_the_budget_and_leased_ones_stay_whole()
    {
        await using var host = await StoreHost.OpenAsync(DatabaseKind.Sqlite);
        var email = await host.StageAsync();
        for (var mailbox = 1; mailbox <= 6; mailbox++)
        {
            await host.Emails.AppendAsync(StoreHost.Account, new MailboxId(mailbox), [.. Enumerable.Repeat(email, 100)]);
        }

        var cache = new ViewCache(host.Db, 10_000, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        using var leased = await cache.OpenAsync(StoreHost.Account, new MailboxId(1), default);
        for (var mailbox = 1; mailbox <= 6; mailbox++) (await cache.OpenAsync(StoreHost.Account, new MailboxId(mailbox), default))!.Dispose();
        Assert.InRange(cache.IdleBytes, 1, 10_000);
        Assert.Equal(100, leased!.Current.Count);
        using var again = await cache.OpenAsync(StoreHost.Account, new MailboxId(6), default);
        Assert.Equal(100, again!.Current.Count);
    }

    [Fact]
    public async Task A_listener_wakes_once_for_what_it_cares_for_and_can_give_up()
    {
        await using var host = await StoreHost.OpenAsync(DatabaseKind.Sqlite);
        using var inbox = host.Store.Changes.Subscribe(StoreHost.Account, Mailbox.Inbox);
        using var all = host.Store.Changes.Subscribe(StoreHost.Account);
        await host.DeliverAsync("x", new MailboxId(6));
        Assert.True(all.WaitAsync(default).AsTask().IsCompletedSuccessfully);
        using var patience = new CancellationTokenSource();
        var waiting = inbox.WaitAsync(patience.Token);
        Assert.False(waiting.IsCompleted);
        await patience.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await waiting);
        var next = inbox.WaitAsync(default);
        await host.DeliverAsync();
        await next;
        var created = inbox.WaitAsync(default);
        await host.Mailboxes.CreateAsync(StoreHost.Account, "new");
        await created;
        Assert.False(all.WaitAsync(patience.Token).AsTask().IsCanceled);
    }
}
