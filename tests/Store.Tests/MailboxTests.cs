using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

public sealed class MailboxTests
{
    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Creating_a_path_makes_what_stands_above_it(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var made = (await host.Mailboxes.CreateAsync(StoreHost.Account, "Work/2026/Offers")).Require();
        Assert.Equal("Work/2026/Offers", made.Path);
        var list = await host.Mailboxes.ListAsync(StoreHost.Account);
        var top = Assert.Single(list, m => m.Path == "Work");
        Assert.True(top.HasChildren);
        Assert.Null(top.Parent);
        Assert.Equal(top.Id, Assert.Single(list, m => m.Path == "Work/2026").Parent);
        Assert.Equal(made.Id, (await host.Mailboxes.FindAsync(StoreHost.Account, "Work/2026/Offers"))!.Id);
        Assert.Null(await host.Mailboxes.FindAsync(StoreHost.Account, "work/2026/Offers"));
        Assert.Equal(RefusalKind.AlreadyExists, (await host.Mailboxes.CreateAsync(StoreHost.Account, "Work/2026")).Refusal!.Kind);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Inbox_is_inbox_in_any_case(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        Assert.Equal(Mailbox.Inbox, (await host.Mailboxes.FindAsync(StoreHost.Account, "iNbOx"))!.Id);
        Assert.Equal(RefusalKind.AlreadyExists, (await host.Mailboxes.CreateAsync(StoreHost.Account, "inbox")).Refusal!.Kind);
        Assert.Equal("INBOX/new", (await host.Mailboxes.CreateAsync(StoreHost.Account, "Inbox/new")).Require().Path);
        Assert.Equal(RefusalKind.Forbidden, (await host.Mailboxes.DeleteAsync(StoreHost.Account, Mailbox.Inbox)).Refusal!.Kind);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Names_and_depths_have_limits(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        async Task<RefusalKind?> Create(string path) => (await host.Mailboxes.CreateAsync(StoreHost.Account, path)).Refusal?.Kind;
        Assert.Null(await Create(new string('n', 255)));
        Assert.Equal(RefusalKind.TooLarge, await Create(new string('n', 256)));
        Assert.Equal(RefusalKind.TooLarge, await Create(new string('ü', 128)));
        Assert.Null(await Create(string.Join('/', Enumerable.Repeat("d", StoreLimits.MailboxDepthMax))));
        Assert.Equal(RefusalKind.TooMany, await Create(string.Join('/', Enumerable.Repeat("d", StoreLimits.MailboxDepthMax + 1))));
        Assert.Equal(RefusalKind.Invalid, await Create("a//b"));
        Assert.Equal(RefusalKind.Invalid, await Create(""));
        Assert.Equal(RefusalKind.Invalid, await Create("a\nb"));
        Assert.Equal(RefusalKind.Invalid, await Create("a\0b"));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_renamed_mailbox_takes_its_children_and_subscriptions_along_and_keeps_its_uids(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var child = (await host.Mailboxes.CreateAsync(StoreHost.Account, "a/b")).Require();
        var top = (await host.Mailboxes.FindAsync(StoreHost.Account, "a"))!;
        await host.Mailboxes.SubscribeAsync(StoreHost.Account, "a/b", true);
        await host.DeliverAsync("x", child.Id);
        var renamed = (await host.Mailboxes.RenameAsync(StoreHost.Account, top.Id, "new/place/a2")).Require();
        Assert.Equal((top.Id, top.UidValidity), (renamed.Id, renamed.UidValidity));
        var now = (await host.Mailboxes.FindAsync(StoreHost.Account, "new/place/a2/b"))!;
        Assert.Equal((child.Id, child.UidValidity, 1L, true), (now.Id, now.UidValidity, now.Messages, now.Subscribed));
        Assert.Equal(RefusalKind.Invalid, (await host.Mailboxes.RenameAsync(StoreHost.Account, top.Id, "new/place/a2/b/c")).Refusal!.Kind);
        Assert.Equal(RefusalKind.AlreadyExists, (await host.Mailboxes.RenameAsync(StoreHost.Account, top.Id, "Sent")).Refusal!.Kind);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Renaming_inbox_moves_its_messages_and_leaves_it_empty(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        await host.DeliverAsync("one");
        await host.DeliverAsync("two");
        var old = (await host.Mailboxes.RenameAsync(StoreHost.Account, Mailbox.Inbox, "old")).Require();
        Assert.Equal(2, old.Messages);
        Assert.Equal(0, (await host.Mailboxes.FindAsync(StoreHost.Account, "INBOX"))!.Messages);
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_deleted_mailbox_is_gone_with_its_messages_and_never_has_its_uidvalidity_again(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var first = (await host.Mailboxes.CreateAsync(StoreHost.Account, "temp/sub")).Require();
        var top = (await host.Mailboxes.FindAsync(StoreHost.Account, "temp"))!;
        Assert.Equal(RefusalKind.Conflict, (await host.Mailboxes.DeleteAsync(StoreHost.Account, top.Id)).Refusal!.Kind);
        await host.Mailboxes.SubscribeAsync(StoreHost.Account, "temp/sub", true);
        var email = await host.StageAsync();
        for (var i = 0; i < 3; i++) await host.Emails.AppendAsync(StoreHost.Account, first.Id, [.. Enumerable.Repeat(email, 200)]);
        await host.Emails.CopyAsync(StoreHost.Account, first.Id, [new Uid(5)], Mailbox.Inbox);
        using var view = await host.Mailboxes.OpenAsync(StoreHost.Account, first.Id);
        Assert.True((await host.Mailboxes.DeleteAsync(StoreHost.Account, first.Id)).Ok);
        Assert.True(view!.IsGone);
        Assert.Null(await host.Mailboxes.OpenAsync(StoreHost.Account, first.Id));
        Assert.Contains("temp/sub", await host.Mailboxes.SubscriptionsAsync(StoreHost.Account));
        Assert.Equal(1, (await host.Store.QuotaAsync(StoreHost.Account))!.Value.Messages);
        var again = (await host.Mailboxes.CreateAsync(StoreHost.Account, "temp/sub")).Require();
        Assert.True(again.UidValidity > first.UidValidity);
        Assert.NotEqual(first.Id, again.Id);
        Assert.True(again.Subscribed);
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_role_has_one_mailbox_and_can_go_to_another(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        Assert.Equal(RefusalKind.Conflict, (await host.Mailboxes.CreateAsync(StoreHost.Account, "Bin", MailboxRole.Trash)).Refusal!.Kind);
        var trash = (await host.Mailboxes.FindAsync(StoreHost.Account, MailboxRole.Trash))!;
        Assert.Null((await host.Mailboxes.ChangeAsync(StoreHost.Account, trash.Id, null, 9)).Require().Role);
        var bin = (await host.Mailboxes.CreateAsync(StoreHost.Account, "Bin", MailboxRole.Trash)).Require();
        Assert.Equal(MailboxRole.Trash, bin.Role);
        Assert.Equal(9u, (await host.Mailboxes.FindAsync(StoreHost.Account, "Trash"))!.SortOrder);
        Assert.True((await host.Mailboxes.GrantAsync(StoreHost.Account, bin.Id, new AccountId(3), "lrs")).Require());
        Assert.Equal([(new AccountId(3), "lrs")], await host.Mailboxes.RightsAsync(StoreHost.Account, bin.Id));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_removed_account_leaves_nothing(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var other = new AccountId(8);
        await host.AddAccountAsync(other);
        var email = await host.StageAsync();
        await host.DeliverAsync(email, account: other);
        for (var i = 0; i < 3; i++) await host.Emails.AppendAsync(StoreHost.Account, Mailbox.Inbox, [.. Enumerable.Repeat(email, 300)]);
        await host.Emails.StoreFlagsAsync(StoreHost.Account, Mailbox.Inbox, [new Uid(1)], FlagOperation.Add, SystemFlags.Seen, ["work"]);
        using var view = await host.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
        await host.Store.RemoveAccountAsync(StoreHost.Account);
        Assert.True(view!.IsGone);
        string[] tables = ["account_state", "mailbox", "membership", "thread_key", "keyword_set", "change", "subscription", "blob_link"];
        foreach (var table in tables)
        {
            Assert.Equal(0, await host.Db.ReadAsync(db => db.Prepare($"SELECT COUNT(*) FROM {table} WHERE account = $1").Bind(7).Scalar()));
        }

        Assert.Equal(1, await host.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM email").Scalar()));
        using var message = await host.Emails.OpenMessageAsync(other, new EmailId(1));
        Assert.Equal(email.SizeBytes, (await message!.ReadAllAsync()).Length);
        await host.AssertSoundAsync();
    }
}
