using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

public sealed class AnnotationTests
{
    private static readonly AccountId Other = new(8);

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Private_entries_are_their_writers_and_shared_ones_everybodys(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        await host.AddAccountAsync(Other);
        Annotation[] both = [new("/private/comment", "mine"u8.ToArray()), new("/shared/comment", "ours"u8.ToArray())];
        (await host.Store.Annotations.SetOnMailboxAsync(StoreHost.Account, Mailbox.Inbox, StoreHost.Account, both)).Require();
        (await host.Store.Annotations.SetOnMailboxAsync(
            StoreHost.Account, Mailbox.Inbox, Other, [new("/private/comment", "theirs"u8.ToArray())])).Require();
        Assert.Equal(["mine", "ours"], await ReadAsync(host, StoreHost.Account));
        Assert.Equal(["theirs", "ours"], await ReadAsync(host, Other));

        (await host.Store.Annotations.SetOnServerAsync(Other, both)).Require();
        Assert.Equal(["ours"], (await host.Store.Annotations.OfServerAsync(StoreHost.Account)).Select(Text));
        Assert.Equal(["mine", "ours"], (await host.Store.Annotations.OfServerAsync(Other)).Select(Text));

        await host.Store.RemoveAccountAsync(Other);
        Assert.Equal(["mine", "ours"], await ReadAsync(host, StoreHost.Account));
        Assert.Equal(["ours"], await ReadAsync(host, Other));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task One_entry_too_many_sets_none(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var many = Enumerable.Range(0, StoreLimits.AnnotationsMax + 1).Select(i => new Annotation($"/shared/{i}", [1])).ToArray();
        var refused = await host.Store.Annotations.SetOnMailboxAsync(StoreHost.Account, Mailbox.Inbox, StoreHost.Account, many);
        Assert.Equal(RefusalKind.TooMany, refused.Refusal!.Kind);
        Assert.Empty(await ReadAsync(host, StoreHost.Account));
        (await host.Store.Annotations.SetOnMailboxAsync(StoreHost.Account, Mailbox.Inbox, StoreHost.Account, many[1..])).Require();
        var missing = await host.Store.Annotations.SetOnMailboxAsync(StoreHost.Account, new MailboxId(99), StoreHost.Account, many[1..2]);
        Assert.Equal(RefusalKind.NotFound, missing.Refusal!.Kind);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_renamed_INBOX_keeps_its_annotations_and_gives_them_along(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        (await host.Store.Annotations.SetOnMailboxAsync(
            StoreHost.Account, Mailbox.Inbox, StoreHost.Account, [new("/shared/comment", "ours"u8.ToArray())])).Require();
        var old = (await host.Mailboxes.RenameAsync(StoreHost.Account, Mailbox.Inbox, "Old")).Require();
        Assert.Equal(["ours"], await ReadAsync(host, StoreHost.Account));
        Assert.Equal(["ours"], await ReadAsync(host, StoreHost.Account, old.Id));
        (await host.Mailboxes.DeleteAsync(StoreHost.Account, old.Id)).Require();
        Assert.Empty(await ReadAsync(host, StoreHost.Account, old.Id));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_replacement_needs_only_the_room_that_the_other_leaves(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var first = await host.DeliverAsync("one");
        (await host.Store.SetQuotaAsync(StoreHost.Account, null, 1)).Require();
        var email = await host.StageAsync("two");
        Assert.Null((await host.Emails.ReplaceAsync(StoreHost.Account, Mailbox.Inbox, new Uid(9), Mailbox.Inbox, email)).Require());
        var missing = await host.Emails.ReplaceAsync(StoreHost.Account, Mailbox.Inbox, first.Uid, new MailboxId(99), email);
        Assert.Equal(RefusalKind.NotFound, missing.Refusal!.Kind);
        Assert.Equal(first.Uid, (await host.SnapshotAsync(Mailbox.Inbox))[0].Uid);

        var replaced = (await host.Emails.ReplaceAsync(StoreHost.Account, Mailbox.Inbox, first.Uid, Mailbox.Inbox, email)).Require();
        Assert.Equal([new Uid(2)], replaced!.Uids);
        Assert.Equal(1, (await host.SnapshotAsync(Mailbox.Inbox)).Count);
        Assert.Equal(1, (await host.Store.QuotaAsync(StoreHost.Account))!.Value.Messages);
        await host.AssertSoundAsync();
    }

    private static async Task<IEnumerable<string>> ReadAsync(StoreHost host, AccountId reader, MailboxId? mailbox = null) =>
        (await host.Store.Annotations.OfMailboxAsync(StoreHost.Account, mailbox ?? Mailbox.Inbox, reader)).Select(Text);

    private static string Text(Annotation annotation) => System.Text.Encoding.UTF8.GetString(annotation.Value!);
}
