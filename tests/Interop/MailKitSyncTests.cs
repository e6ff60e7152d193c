using MailKit;
using MailKit.Net.Imap;
using MailKit.Search;
using MailKit.Security;
using MimeKit;

namespace Posthorn.Interop;

/// <summary>What MailKit does with QRESYNC, SORT, THREAD and searches, as a client that trusts what it is told.</summary>
public sealed class MailKitSyncTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    [Fact]
    public async Task A_client_that_was_away_hears_of_every_change_and_of_nothing_else()
    {
        var person = await Server.AddPersonAsync();
        UniqueId[] uids;
        uint validity;
        ulong modSeq;
        using (var away = await OpenAsync(person))
        {
            uids = await FillAsync(away, 8);
            await away.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
            (validity, modSeq) = (away.Inbox.UidValidity, away.Inbox.HighestModSeq);
            await away.DisconnectAsync(true, Cancelled);
        }
        UniqueId arrived;
        using (var other = await OpenAsync(person))
        {
            await other.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
            await other.Inbox.AddFlagsAsync(uids[1], MessageFlags.Seen, true, Cancelled);
            await other.Inbox.AddFlagsAsync([uids[3], uids[5]], MessageFlags.Deleted, true, Cancelled);
            await other.Inbox.ExpungeAsync(Cancelled);
            arrived = (await FillAsync(other, 1))[0];
            await other.DisconnectAsync(true, Cancelled);
        }

        // After a restart the server still knows what has vanished.
        await Server.StopAsync();
        await Server.StartAsync();
        using var client = await OpenAsync(person);
        await client.EnableQuickResyncAsync(Cancelled);
        var (vanished, flags) = (new List<UniqueId>(), new Dictionary<uint, MessageFlags>());
        client.Inbox!.MessagesVanished += (_, e) => vanished.AddRange(e.Earlier ? e.UniqueIds : []);
        client.Inbox.MessageFlagsChanged += (_, e) => flags[e.UniqueId!.Value.Id] = e.Flags & ~MessageFlags.Recent;
        await client.Inbox.OpenAsync(FolderAccess.ReadWrite, validity, modSeq, [.. uids], Cancelled);
        Assert.Equal([uids[3], uids[5]], vanished);
        Assert.Equal([new(uids[1].Id, MessageFlags.Seen)], flags);
        Assert.Equal(7, client.Inbox.Count);
        var asked = new FetchRequest(MessageSummaryItems.UniqueId | MessageSummaryItems.Flags) { ChangedSince = modSeq };
        var news = await client.Inbox.FetchAsync(0, -1, asked, Cancelled);
        Assert.Equal([uids[1], arrived], news.Select(message => message.UniqueId));
        await client.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task A_conditional_store_leaves_alone_what_somebody_else_has_changed()
    {
        var person = await Server.AddPersonAsync();
        using var one = await OpenAsync(person);
        using var two = await OpenAsync(person);
        var uids = await FillAsync(one, 2);
        await one.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        await two.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        ulong modSeq = one.Inbox.HighestModSeq;
        await two.Inbox.AddFlagsAsync(uids[0], MessageFlags.Flagged, true, Cancelled);
        var store = new StoreFlagsRequest(StoreAction.Add, MessageFlags.Answered) { UnchangedSince = modSeq };
        Assert.Equal([uids[0]], await one.Inbox.StoreAsync(uids, store, Cancelled));
        await one.DisconnectAsync(true, Cancelled);
        await two.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task Messages_come_sorted_and_in_threads()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        await client.Inbox!.OpenAsync(FolderAccess.ReadWrite, Cancelled);
        var first = await AppendAsync(client, "plans", "<a@example.net>", null, 1);
        var reply = await AppendAsync(client, "Re: plans", "<b@example.net>", "<a@example.net>", 3);
        var other = await AppendAsync(client, "Änderung", "<c@example.net>", null, 2);
        var deep = await AppendAsync(client, "Re: plans", "<d@example.net>", "<b@example.net>", 4);

        Assert.Equal([other, first, reply, deep], await client.Inbox.SortAsync(SearchQuery.All, [OrderBy.Subject, OrderBy.Date], Cancelled));
        Assert.Equal([deep, reply, other, first], await client.Inbox.SortAsync(SearchQuery.All, [OrderBy.ReverseDate], Cancelled));
        Assert.Equal([other], await client.Inbox.SortAsync(SearchQuery.SubjectContains("änder"), [OrderBy.DisplayFrom], Cancelled));

        var threads = await client.Inbox.ThreadAsync(ThreadingAlgorithm.References, SearchQuery.All, Cancelled);
        Assert.Equal(["1(2(4))", "3"], threads.Select(Show));
        threads = await client.Inbox.ThreadAsync(ThreadingAlgorithm.OrderedSubject, SearchQuery.All, Cancelled);
        Assert.Equal(["1(2 4)", "3"], threads.Select(Show));

        var found = await client.Inbox.SearchAsync(SearchOptions.Count | SearchOptions.Max | SearchOptions.All, SearchQuery.All, Cancelled);
        Assert.Equal((4, deep, 4), (found.Count, found.Max!.Value, found.UniqueIds.Count));
        Assert.Empty(await client.Inbox.SearchAsync(SearchQuery.OlderThan(86_400), Cancelled));
        await client.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task With_utf8_names_and_messages_are_what_they_are()
    {
        using var client = await OpenAsync(await Server.AddPersonAsync());
        await client.EnableUTF8Async(Cancelled);
        var folder = (await client.GetFolder(client.PersonalNamespaces[0]).CreateAsync("Entwürfe & 日本", true, Cancelled))!;
        var message = Compose("Grüße", "<u@example.net>", null, 1);
        var format = new FormatOptions { International = true };
        var uid = await folder.AppendAsync(format, new AppendRequest(message), Cancelled);
        await folder.OpenAsync(FolderAccess.ReadOnly, Cancelled);
        Assert.Equal([uid!.Value], await folder.SearchAsync(SearchQuery.SubjectContains("GRÜßE"), Cancelled));
        Assert.Equal("Grüße", (await folder.GetMessageAsync(uid.Value, Cancelled)).Subject);
        await client.DisconnectAsync(true, Cancelled);
    }

    private static string Show(MessageThread thread)
    {
        string own = $"{thread.UniqueId?.Id}";
        return thread.Children.Count == 0 ? own : $"{own}({string.Join(' ', thread.Children.Select(Show))})";
    }

    private static async Task<UniqueId[]> FillAsync(ImapClient client, int count)
    {
        var uids = new List<UniqueId>();
        for (int i = 0; i < count; i++) uids.Add(await AppendAsync(client, $"message {i}", $"<{Guid.NewGuid()}@example.net>", null, i + 1));
        return [.. uids];
    }

    private static async Task<UniqueId> AppendAsync(ImapClient client, string subject, string id, string? parent, int day) =>
        (await client.Inbox!.AppendAsync(new AppendRequest(Compose(subject, id, parent, day)), Cancelled))!.Value;

    private static MimeMessage Compose(string subject, string id, string? parent, int day)
    {
        var message = new MimeMessage(
            [new MailboxAddress("Zoë", "zoe@example.net")], [MailboxAddress.Parse("you@example.net")], subject, new TextPart { Text = "Words\n" })
        {
            MessageId = id.Trim('<', '>'),
            Date = new DateTimeOffset(2026, 3, day, 12, 0, 0, TimeSpan.Zero),
        };
        if (parent is not null) message.References.Add(parent.Trim('<', '>'));
        return message;
    }

    private async Task<ImapClient> OpenAsync(Person person)
    {
        var client = new ImapClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await client.ConnectAsync("127.0.0.1", Server.Imap, SecureSocketOptions.StartTls, Cancelled);
        await client.AuthenticateAsync(person.Address, person.Password, Cancelled);
        return client;
    }
}
