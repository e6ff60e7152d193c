using MailKit;
using MailKit.Net.Imap;
using MailKit.Security;
using MimeKit;

namespace Posthorn.Interop;

/// <summary>What MailKit makes of the extensions about mailboxes and single messages: it uses each of them when it is offered.</summary>
public sealed class MailKitExtensionTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    [Fact]
    public async Task A_compressed_connection_carries_everything()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        Assert.True(client.Capabilities.HasFlag(ImapCapabilities.Compress));
        await client.CompressAsync(Cancelled);
        string text = string.Concat(Enumerable.Range(0, 200_000).Select(i => $"line {i}\r\n"));
        await client.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        var uid = (await client.Inbox.AppendAsync(new AppendRequest(Compose("large", text)), Cancelled))!.Value;
        await client.NoOpAsync(Cancelled);
        Assert.Equal(text, (await client.Inbox.GetMessageAsync(uid, Cancelled)).TextBody!.ReplaceLineEndings("\r\n"));
        await client.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task Messages_have_ids_a_preview_and_the_date_of_saving()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        await client.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        Assert.False(string.IsNullOrEmpty(client.Inbox.Id));
        await client.Inbox.AppendAsync(new AppendRequest(Compose("first", "What is to be read of it.")), Cancelled);
        await client.NoOpAsync(Cancelled);
        var items = MessageSummaryItems.UniqueId | MessageSummaryItems.EmailId | MessageSummaryItems.ThreadId | MessageSummaryItems.PreviewText
            | MessageSummaryItems.SaveDate;
        var before = Assert.Single(await client.Inbox.FetchAsync(0, -1, items, Cancelled));
        Assert.Contains("What is to be read of it.", before.PreviewText, StringComparison.Ordinal);
        Assert.True(before.SaveDate > DateTimeOffset.UtcNow.AddMinutes(-10));
        var archive = await client.GetFolderAsync("Archive", Cancelled);
        await client.Inbox.MoveToAsync(before.UniqueId, archive, Cancelled);
        await archive.OpenAsync(FolderAccess.ReadOnly, Cancelled);
        var after = Assert.Single(await archive.FetchAsync(0, -1, items, Cancelled));
        Assert.Equal((before.EmailId, before.ThreadId), (after.EmailId, after.ThreadId));
        await client.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task A_draft_is_replaced_in_one_step()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        Assert.True(client.Capabilities.HasFlag(ImapCapabilities.Replace));
        await client.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        var old = (await client.Inbox.AppendAsync(new AppendRequest(Compose("draft", "one")), Cancelled))!.Value;
        await client.NoOpAsync(Cancelled);
        var now = (await client.Inbox.ReplaceAsync(old, new ReplaceRequest(Compose("draft", "two"), MessageFlags.Draft), Cancelled))!.Value;
        await client.NoOpAsync(Cancelled);
        Assert.Equal(1, client.Inbox.Count);
        Assert.Equal("two", (await client.Inbox.GetMessageAsync(now, Cancelled)).TextBody!.Trim());
        await client.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task The_quota_is_told_and_annotations_are_kept()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        await client.Inbox!.AppendAsync(new AppendRequest(Compose("first", "text")), Cancelled);
        var quota = await client.Inbox.GetQuotaAsync(Cancelled);
        Assert.NotNull(quota);
        await client.Inbox.SetMetadataAsync(new MetadataCollection { new(MetadataTag.PrivateComment, "mine") }, Cancelled);
        Assert.Equal("mine", await client.Inbox.GetMetadataAsync(MetadataTag.PrivateComment, Cancelled));
        await client.SetMetadataAsync(new MetadataCollection { new(new MetadataTag("/private/vendor/x/y"), "z") }, Cancelled);
        Assert.Equal("z", await client.GetMetadataAsync(new MetadataTag("/private/vendor/x/y"), Cancelled));
        await client.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task What_was_asked_for_by_NOTIFY_is_told_between_commands()
    {
        var person = await Server.AddPersonAsync();
        using var client = await OpenAsync(person);
        using var other = await OpenAsync(person);
        await client.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        var told = MessageSummaryItems.UniqueId | MessageSummaryItems.Size;
        ImapEvent[] events = [new ImapEvent.MessageNew(told), ImapEvent.MessageExpunge, ImapEvent.FlagChange];
        ImapEvent[] counted = [new ImapEvent.MessageNew(MessageSummaryItems.None), ImapEvent.MessageExpunge, ImapEvent.MailboxName];
        await client.NotifyAsync(
            true,
            [new ImapEventGroup(ImapMailboxFilter.Selected, events), new ImapEventGroup(ImapMailboxFilter.Personal, counted)],
            Cancelled);
        var (seen, created, counts) = (new List<IMessageSummary>(), new List<string>(), new List<int>());
        client.Inbox.MessageSummaryFetched += (_, e) => seen.Add(e.Message);
        client.FolderCreated += (_, e) => created.Add(e.Folder.FullName);
        var archive = await client.GetFolderAsync("Archive", Cancelled);
        archive.CountChanged += (_, _) => counts.Add(archive.Count);

        await other.Inbox!.AppendAsync(new AppendRequest(Compose("news", "text")), Cancelled);
        await (await other.GetFolderAsync("Archive", Cancelled)).AppendAsync(new AppendRequest(Compose("old", "text")), Cancelled);
        await other.GetFolder(other.PersonalNamespaces[0]).CreateAsync("Lists", true, Cancelled);
        await Eventually.HoldsAsync(
            "a new message, a new mailbox and a counter",
            async () =>
            {
                // MailKit reads only while it waits for something: IDLE tells what NOTIFY asked for (RFC 5465 §4).
                using var done = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
                await client.IdleAsync(done.Token, Cancelled);
                return seen.Count == 1 && created.Contains("Lists") && counts.Contains(1);
            });
        Assert.True(seen[0].Size > 0);
        await client.DisconnectAsync(true, Cancelled);
    }

    private static MimeMessage Compose(string subject, string text) => new(
        [MailboxAddress.Parse("me@example.net")], [MailboxAddress.Parse("you@example.net")], subject, new TextPart { Text = text });

    private async Task<ImapClient> OpenAsync(Person person)
    {
        var client = new ImapClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await client.ConnectAsync("127.0.0.1", Server.Imap, SecureSocketOptions.StartTls, Cancelled);
        await client.AuthenticateAsync(person.Address, person.Password, Cancelled);
        return client;
    }
}
