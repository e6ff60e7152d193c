using System.Text;
using MailKit;
using MailKit.Net.Imap;
using MailKit.Search;
using MailKit.Security;
using MimeKit;

namespace Posthorn.Interop;

/// <summary>A full walk with MailKit, a client that reads every answer strictly.</summary>
public sealed class MailKitTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    [Fact]
    public async Task Folders_are_made_found_renamed_and_removed()
    {
        var person = await Server.AddPersonAsync();
        using var client = await OpenAsync(person);
        var root = client.GetFolder(client.PersonalNamespaces[0]);
        var letters = (await root.CreateAsync("Letters", true, Cancelled))!;
        var umlauts = (await letters.CreateAsync("Entwürfe & 日本", true, Cancelled))!;
        Assert.Equal("Entwürfe & 日本", Assert.Single(await letters.GetSubfoldersAsync(false, Cancelled)).Name);
        await umlauts.SubscribeAsync(Cancelled);
        Assert.Contains(await client.GetFoldersAsync(client.PersonalNamespaces[0], StatusItems.None, true, Cancelled), f => f.Name == umlauts.Name);

        await umlauts.RenameAsync(root, "Outside", Cancelled);
        Assert.Contains(await root.GetSubfoldersAsync(false, Cancelled), f => f.Name == "Outside");
        await letters.DeleteAsync(Cancelled);
        Assert.DoesNotContain(await root.GetSubfoldersAsync(false, Cancelled), f => f.Name == "Letters");
        await client.DisconnectAsync(true, Cancelled);
    }

    [Theory]
    [InlineData(SpecialFolder.Drafts)]
    [InlineData(SpecialFolder.Sent)]
    [InlineData(SpecialFolder.Trash)]
    [InlineData(SpecialFolder.Junk)]
    public async Task A_new_account_has_its_special_folders(SpecialFolder special)
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        Assert.True(client.Capabilities.HasFlag(ImapCapabilities.SpecialUse));
        var folder = client.GetFolder(special);
        Assert.NotNull(folder);
        await folder.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        Assert.Equal(0, folder.Count);
    }

    [Fact]
    public async Task Messages_are_appended_searched_flagged_copied_moved_and_expunged()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        var archive = (await client.GetFolder(client.PersonalNamespaces[0]).CreateAsync("Archived", true, Cancelled))!;
        await client.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        var uids = new List<UniqueId>();
        foreach (string subject in (string[])["Grüße", "plain words", "and more"])
            uids.Add((await client.Inbox.AppendAsync(new AppendRequest(Compose(subject), MessageFlags.Draft), Cancelled))!.Value);
        Assert.Equal(uids.Order(), uids);

        Assert.Equal([uids[0]], await client.Inbox.SearchAsync(SearchQuery.SubjectContains("Grüße"), Cancelled));
        Assert.Equal([uids[1]], await client.Inbox.SearchAsync(SearchQuery.BodyContains("text of plain words"), Cancelled));
        Assert.Equal(uids, await client.Inbox.SearchAsync(SearchQuery.Draft.And(SearchQuery.NotSeen).And(SearchQuery.LargerThan(10)), Cancelled));

        var marks = new StoreFlagsRequest(StoreAction.Add, MessageFlags.Seen, new HashSet<string> { "$Label1" });
        await client.Inbox.StoreAsync(uids[1], marks, Cancelled);
        var summary = Assert.Single(await client.Inbox.FetchAsync([uids[1]], MessageSummaryItems.Flags, Cancelled));
        Assert.Equal(MessageFlags.Seen | MessageFlags.Draft, summary.Flags!.Value & ~MessageFlags.Recent);
        Assert.Contains("$Label1", summary.Keywords);

        var copy = await client.Inbox.CopyToAsync(uids[0], archive, Cancelled);
        var move = await client.Inbox.MoveToAsync(uids[2], archive, Cancelled);
        Assert.True(copy!.Value < move!.Value);
        Assert.Equal(2, client.Inbox.Count);
        await client.Inbox.StoreAsync(uids[0], new StoreFlagsRequest(StoreAction.Add, MessageFlags.Deleted) { Silent = true }, Cancelled);
        await client.Inbox.ExpungeAsync([uids[0]], Cancelled);
        Assert.Equal([uids[1]], await client.Inbox.SearchAsync(SearchQuery.All, Cancelled));

        await archive.OpenAsync(FolderAccess.ReadOnly, Cancelled);
        Assert.Equal([copy.Value, move.Value], await archive.SearchAsync(SearchQuery.All, Cancelled));
        Assert.Equal("and more", (await archive.GetMessageAsync(move.Value, Cancelled)).Subject);
        await client.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task Envelope_structure_and_every_part_come_back_as_they_were_sent()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        await client.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        using var message = Compose("Parts");
        byte[] attached = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))];
        var body = new BodyBuilder { TextBody = "Plain\n", HtmlBody = "<p>Rich</p>\n" };
        body.Attachments.Add("über.bin", attached, new ContentType("application", "octet-stream"));
        using var inner = Compose("Inner");
        body.Attachments.Add(new MessagePart { Message = inner });
        message.Body = body.ToMessageBody();
        var uid = (await client.Inbox.AppendAsync(new AppendRequest(message), Cancelled))!.Value;

        var items = MessageSummaryItems.Envelope | MessageSummaryItems.BodyStructure | MessageSummaryItems.Size | MessageSummaryItems.InternalDate;
        var summary = Assert.Single(await client.Inbox.FetchAsync([uid], items, Cancelled));
        Assert.Equal("Parts", summary.Envelope!.Subject);
        Assert.Equal(message.MessageId, summary.Envelope.MessageId);
        Assert.Equal("zoë@example.net", summary.Envelope.From.Mailboxes.Single().Address);
        Assert.Equal("Plain", ((TextPart)await client.Inbox.GetBodyPartAsync(uid, summary.TextBody!, Cancelled)).Text.TrimEnd());
        Assert.Equal("<p>Rich</p>", ((TextPart)await client.Inbox.GetBodyPartAsync(uid, summary.HtmlBody!, Cancelled)).Text.TrimEnd());

        var attachment = summary.Attachments.OfType<BodyPartBasic>().Single(p => p.FileName == "über.bin");
        using var decoded = new MemoryStream();
        await ((MimePart)await client.Inbox.GetBodyPartAsync(uid, attachment, Cancelled)).Content!.DecodeToAsync(decoded, Cancelled);
        Assert.Equal(attached, decoded.ToArray());
        var enclosed = Assert.Single(summary.BodyParts.OfType<BodyPartMessage>());
        Assert.Equal("Inner", enclosed.Envelope!.Subject);

        await using var slice = await client.Inbox.GetStreamAsync(uid, 10, 20, Cancelled);
        using var whole = new MemoryStream();
        await message.WriteToAsync(new FormatOptions { NewLineFormat = NewLineFormat.Dos }, whole, Cancelled);
        using var part = new MemoryStream();
        await slice.CopyToAsync(part, Cancelled);
        Assert.Equal(Encoding.UTF8.GetString(whole.ToArray(), 10, 20), Encoding.UTF8.GetString(part.ToArray()));
        await client.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task A_large_message_survives_the_way_in_and_out()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        await client.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        using var message = Compose("Large");
        byte[] bytes = new byte[10 * 1024 * 1024];
        new Random(7).NextBytes(bytes);
        message.Body = new MimePart("application", "octet-stream")
        {
            Content = new MimeContent(new MemoryStream(bytes)),
            ContentTransferEncoding = ContentEncoding.Base64,
        };
        var uid = (await client.Inbox.AppendAsync(new AppendRequest(message), Cancelled))!.Value;

        var stored = await client.Inbox.GetMessageAsync(uid, Cancelled);
        using var decoded = new MemoryStream();
        await ((MimePart)stored.Body!).Content!.DecodeToAsync(decoded, Cancelled);
        Assert.True(bytes.AsSpan().SequenceEqual(decoded.ToArray()));
        await client.DisconnectAsync(true, Cancelled);
    }

    private static MimeMessage Compose(string subject) =>
        new(
            [new MailboxAddress("Zoë", "zoë@example.net")],
            [MailboxAddress.Parse("you@example.net")],
            subject,
            new TextPart { Text = $"The text of {subject}\n" });

    private async Task<ImapClient> OpenAsync(Person person)
    {
        var client = new ImapClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await client.ConnectAsync("127.0.0.1", Server.Imap, SecureSocketOptions.StartTls, Cancelled);
        await client.AuthenticateAsync(person.Address, person.Password, Cancelled);
        return client;
    }
}
