using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

public sealed class ArrivalTests
{
    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_new_account_has_its_mailboxes_with_roles_and_subscribed(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var list = await host.Mailboxes.ListAsync(StoreHost.Account);
        Assert.Equal(["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"], list.Select(m => m.Path));
        Assert.All(list, m => Assert.True(m.Subscribed));
        Assert.Equal(
            [MailboxRole.Inbox, MailboxRole.Archive, MailboxRole.Drafts, MailboxRole.Junk, MailboxRole.Sent, MailboxRole.Trash],
            list.Select(m => m.Role!.Value));
        Assert.Equal(6, list.Select(m => m.UidValidity).Distinct().Count());
        Assert.Equal(Mailbox.Inbox, list[0].Id);
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_delivered_message_is_read_back_with_its_trace_headers_before_it(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var text = Mail.Text("Grüße", "Body.\r\n", "one@example.test");
        var email = await Mail.StageAsync(host.Blobs, text, SystemFlags.Seen, ["$Label1", "work"], "Return-Path: <>\r\n");
        var delivered = await host.DeliverAsync(email);
        Assert.Equal((1L, 1u, text.Length + 17L), (delivered.Email.Value, delivered.Uid.Value, delivered.SizeBytes));
        await host.ReopenAsync();
        using var view = await host.Mailboxes.OpenAsync(StoreHost.Account, Mailbox.Inbox);
        var row = view!.Current[0];
        Assert.Equal((1, 0, -1), (view.Current.Count, view.Current.UnseenCount, view.Current.FirstUnseen));
        Assert.Equal(email.ReceivedAt, row.ReceivedAt);
        Assert.Equal(SystemFlags.Seen, row.Flags.System);
        Assert.Equal(["$Label1", "work"], view.Keywords.Names(row.Flags.KeywordSet));
        Assert.Equal(" $Label1 work", Encoding.ASCII.GetString(view.Keywords.Wire(row.Flags.KeywordSet)));
        using var message = await host.Emails.OpenMessageAsync(StoreHost.Account, row.Email);
        var whole = await message!.ReadAllAsync();
        Assert.Equal([.. "Return-Path: <>\r\n"u8, .. text], whole);
        Assert.Equal(row.SizeBytes, whole.Length);
        var part = new byte[20];
        Assert.Equal(20, await message.ReadAsync(10, part));
        Assert.Equal(whole[10..30], part);
        Assert.Equal(0, await message.ReadAsync(whole.Length, part));
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_delivery_over_quota_changes_nothing_and_the_action_goes_on(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind, withAccount: false);
        var (small, large) = (new AccountId(1), new AccountId(2));
        var email = await host.StageAsync();
        await host.AddAccountAsync(small, quotaBytes: email.SizeBytes);
        await host.AddAccountAsync(large, quotaMessages: 2);
        var outcomes = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            outcomes.AddRange(await host.Db.WriteAsync(tx => new[] { small, large }.Select(account =>
            {
                try
                {
                    return host.Emails.Deliver(tx, account, null, email).Uid.ToString();
                }
                catch (RefusalException refused)
                {
                    return refused.Refusal.Kind.ToString();
                }
            }).ToList()));
        }

        Assert.Equal(["1", "1", "OverQuota", "2", "OverQuota", "OverQuota"], outcomes);
        Assert.Equal(new QuotaUsage(email.SizeBytes, 1, email.SizeBytes, null), await host.Store.QuotaAsync(small));
        Assert.True((await host.Store.SetQuotaAsync(small, null, null)).Ok);
        Assert.Equal(2u, (await host.DeliverAsync(email, account: small)).Uid.Value);
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Appended_messages_come_together_or_not_at_all(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        NewEmail[] emails = [await host.StageAsync("a"), await host.StageAsync("b"), await host.StageAsync("c", flags: SystemFlags.Draft)];
        var appended = (await host.Emails.AppendAsync(StoreHost.Account, new MailboxId(2), emails)).Require();
        Assert.Equal([1u, 2u, 3u], appended.Uids.Select(u => u.Value));
        await host.Store.SetQuotaAsync(StoreHost.Account, null, 5);
        var refused = await host.Emails.AppendAsync(StoreHost.Account, new MailboxId(2), emails);
        Assert.Equal(RefusalKind.OverQuota, refused.Refusal!.Kind);
        var missing = await host.Emails.AppendAsync(StoreHost.Account, new MailboxId(99), emails);
        Assert.Equal(RefusalKind.NotFound, missing.Refusal!.Kind);
        Assert.Equal(3, (await host.SnapshotAsync(new MailboxId(2))).Count);
        await host.AssertSoundAsync();
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Replies_join_the_thread_of_what_they_answer_unless_the_subject_is_another(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        async Task<ThreadId> Deliver(string subject, string id, string? references = null) =>
            (await host.DeliverAsync(await Mail.StageAsync(host.Blobs, Mail.Text(subject, id: id, references: references)))).Thread;
        var first = await Deliver("Plan", "a@x");
        Assert.Equal(first, await Deliver("Re: Plan", "b@x", "<a@x>"));
        Assert.Equal(first, await Deliver("RE: [list] plan", "c@x", "<unknown@x> <b@x>"));
        Assert.NotEqual(first, await Deliver("Other", "d@x", "<a@x>"));
        Assert.NotEqual(first, await Deliver("Plan", "e@x"));
        // Two that came before the message that would have joined them.
        Assert.Equal(first, await Deliver("Re: Plan", "f@x", "<unknown@x>"));
        Assert.Equal([1L, 2, 3, 6], (await host.Emails.ThreadAsync(StoreHost.Account, first)).Select(e => e.Value));
        await host.AssertSoundAsync();
    }
}
