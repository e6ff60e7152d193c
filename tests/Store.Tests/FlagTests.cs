using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

public sealed class FlagTests
{
    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_flag_on_one_copy_is_on_the_others_but_deleted_is_not(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var archive = new MailboxId(6);
        var delivered = await host.DeliverAsync();
        var copied = (await host.Emails.CopyAsync(StoreHost.Account, Mailbox.Inbox, [delivered.Uid, new Uid(99)], archive)).Require();
        Assert.Equal([(delivered.Uid, new Uid(1))], copied.Uids);
        await host.Emails.CopyAsync(StoreHost.Account, archive, [new Uid(1)], archive);
        using var view = await host.Mailboxes.OpenAsync(StoreHost.Account, archive);
        using var subscription = host.Store.Changes.Subscribe(StoreHost.Account, archive);
        await host.Emails.StoreFlagsAsync(
            StoreHost.Account, Mailbox.Inbox, [delivered.Uid], FlagOperation.Add, SystemFlags.Seen | SystemFlags.Deleted, ["work"]);
        Assert.True(subscription.WaitAsync(default).AsTask().IsCompletedSuccessfully);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal((SystemFlags.Seen, delivered.Email), (view!.Current[i].Flags.System, view.Current[i].Email));
            Assert.Equal(["work"], view.Keywords.Names(view.Current[i].Flags.KeywordSet));
        }

        Assert.Equal(1, (await host.Store.QuotaAsync(StoreHost.Account))!.Value.Messages);
        await host.Emails.ExpungeAsync(StoreHost.Account, Mailbox.Inbox);
        Assert.Equal(2, (await host.Emails.MembershipsAsync(StoreHost.Account, delivered.Email)).Count);
        await host.Emails.RemoveAsync(StoreHost.Account, archive, [new Uid(1), new Uid(2)]);
        Assert.Null(await host.Emails.OpenMessageAsync(StoreHost.Account, delivered.Email));
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_was_changed_since_is_left_alone_and_told(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        for (var i = 0; i < 4; i++) await host.DeliverAsync();
        var seen = (await host.SnapshotAsync(Mailbox.Inbox)).HighestModSeq;
        await host.Emails.StoreFlagsAsync(StoreHost.Account, Mailbox.Inbox, [new Uid(2)], FlagOperation.Add, SystemFlags.Flagged, []);
        Uid[] all = [.. Enumerable.Range(1, 5).Select(i => new Uid((uint)i))];
        var stored = (await host.Emails.StoreFlagsAsync(
            StoreHost.Account, Mailbox.Inbox, all, FlagOperation.Replace, SystemFlags.Seen, [], seen)).Require();
        Assert.Equal([new Uid(2)], stored.Conflicts);
        Assert.Equal([new Uid(5)], stored.Missing);
        Assert.Equal(3, stored.Changed);
        Assert.True(stored.ModSeq > seen);
        var again = (await host.Emails.StoreFlagsAsync(
            StoreHost.Account, Mailbox.Inbox, [new Uid(1)], FlagOperation.Add, SystemFlags.Seen, [])).Require();
        Assert.Equal((0, 0L), (again.Changed, again.ModSeq.Value));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Keywords_are_atoms_within_limits_and_compare_without_case(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        await host.DeliverAsync();
        async Task<Refusal?> Add(params string[] keywords) => (await host.Emails.StoreFlagsAsync(
            StoreHost.Account, Mailbox.Inbox, [new Uid(1)], FlagOperation.Add, SystemFlags.None, keywords)).Refusal;
        Assert.Null(await Add("$MDNSent", "Work"));
        Assert.Null(await Add("WORK"));
        using var view = await host.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
        Assert.Equal(["$MDNSent", "Work"], view!.Keywords.Names(view.Current[0].Flags.KeywordSet));
        Assert.True(view.Keywords.Has(view.Current[0].Flags.KeywordSet, "wOrk"));
        Assert.Equal(RefusalKind.Invalid, (await Add("two words"))!.Kind);
        Assert.Equal(RefusalKind.Invalid, (await Add(new string('k', 65)))!.Kind);
        Assert.Equal(RefusalKind.TooMany, (await Add([.. Enumerable.Range(0, 63).Select(i => "n" + i)]))!.Kind);
        Assert.Equal(2, view.Keywords.Names(view.Current[0].Flags.KeywordSet).Count);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Large_work_is_sliced_and_whole(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var email = await host.StageAsync();
        for (var i = 0; i < 9; i++) (await host.Emails.AppendAsync(StoreHost.Account, Mailbox.Inbox, [.. Enumerable.Repeat(email, 500)])).Require();
        Uid[] all = [.. Enumerable.Range(1, 4500).Select(i => new Uid((uint)i))];
        var before = await host.Store.Changes.CurrentAsync(StoreHost.Account);
        var stored = (await host.Emails.StoreFlagsAsync(
            StoreHost.Account, Mailbox.Inbox, all, FlagOperation.Add, SystemFlags.Deleted, ["x"])).Require();
        Assert.Equal((4500, before.Value + 3), (stored.Changed, stored.ModSeq.Value));
        var archive = new MailboxId(6);
        Assert.Equal(4500, (await host.Emails.CopyAsync(StoreHost.Account, Mailbox.Inbox, all, archive)).Require().Uids.Count);
        Assert.Equal(4500, (await host.Emails.ExpungeAsync(StoreHost.Account, Mailbox.Inbox)).Require().Count);
        Assert.Equal(4500, (await host.Emails.MoveAsync(StoreHost.Account, archive, all, Mailbox.Inbox)).Require().Uids.Count);
        var snapshot = await host.SnapshotAsync(Mailbox.Inbox);
        Assert.Equal((4500, 4501u), (snapshot.Count, snapshot[0].Uid.Value));
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_copy_into_a_mailbox_that_is_gone_copies_nothing(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        await host.DeliverAsync();
        var refused = await host.Emails.CopyAsync(StoreHost.Account, Mailbox.Inbox, [new Uid(1)], new MailboxId(77));
        Assert.Equal(RefusalKind.NotFound, refused.Refusal!.Kind);
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Details_come_for_each_email_asked_whatever_the_order(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        for (var i = 0; i < 12; i++) await host.DeliverAsync("subject " + i);
        EmailId[] asked = [new(9), new(2), new(99), new(2), new(12)];
        var found = new Dictionary<int, string>();
        await host.Emails.ReadDetailsAsync(StoreHost.Account, asked, DetailParts.Envelope | DetailParts.Preview, (int index, in EmailDetail detail) =>
        {
            Assert.Equal(asked[index], detail.Email);
            Assert.Equal("A line.", detail.Preview);
            Assert.True(detail.Structure.IsEmpty);
            found[index] = new Mime.EnvelopeView(detail.Envelope).Subject.ToString();
        });
        Assert.Equal([0, 1, 3, 4], found.Keys.Order());
        Assert.Equal("subject 8", found[0]);
        Assert.Equal("subject 11", found[4]);
    }
}
