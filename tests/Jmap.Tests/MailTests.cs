using System.Text;
using System.Text.Json.Nodes;
using Posthorn.Store;
using Xunit;

namespace Posthorn.Jmap.Tests;

public sealed class MailTests
{
    [Fact]
    public async Task The_first_screen_is_one_request()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        await server.DeliverAsync(TestServer.Message("Plan", "one", "a"));
        await server.DeliverAsync(TestServer.Message("Re: Plan", "two", "b", "a"), SystemFlags.Seen);
        await server.DeliverAsync("Other", "three <b>", SystemFlags.Flagged);
        var inbox = (await client.MailboxIdsAsync())["INBOX"];
        var got = await client.CallsAsync(
            """["Mailbox/get",{"accountId":"$A","ids":null},"0"]""",
            $$$"""
            ["Email/query",{"accountId":"$A","filter":{"inMailbox":"{{{inbox}}}"},"sort":[{"property":"receivedAt","isAscending":false}],
             "collapseThreads":true,"limit":50,"calculateTotal":true},"1"]
            """,
            """
            ["Email/get",{"accountId":"$A","#ids":{"resultOf":"1","name":"Email/query","path":"/ids"},"properties":["threadId",
             "mailboxIds","keywords","from","subject","receivedAt","size","preview","hasAttachment"]},"2"]
            """,
            """["Thread/get",{"accountId":"$A","#ids":{"resultOf":"2","name":"Email/get","path":"/list/*/threadId"}},"3"]""");
        var box = got[0]![1]!["list"]![0]!;
        Assert.Equal((3, 2, 2, 2), (Int(box, "totalEmails"), Int(box, "unreadEmails"), Int(box, "totalThreads"), Int(box, "unreadThreads")));
        Assert.Equal(2, Int(got[1]![1]!, "total"));
        Assert.Equal(["Other", "Re: Plan"], got[2]![1]!["list"]!.AsArray().Select(e => e!["subject"]!.GetValue<string>()).Order());
        Assert.Equal(2, got[3]![1]!["list"]!.AsArray().Max(t => t!["emailIds"]!.AsArray().Count));
    }

    [Fact]
    public async Task An_email_is_created_with_its_parts_and_read_back()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var boxes = await client.MailboxIdsAsync();
        var file = (await client.UploadAsync(Encoding.UTF8.GetBytes("the file"), "application/pdf"))["blobId"]!.GetValue<string>();
        var set = await client.CallAsync("Email/set", $$$"""
            {"create":{"k1":{"mailboxIds":{"{{{boxes["Drafts"]}}}":true},"keywords":{"$draft":true,"$seen":true,"Work":true},
              "from":[{"name":"Änn","email":"ann@example.test"}],"to":[{"name":null,"email":"bob@example.test"}],"subject":"Grüße aus 中国",
              "header:X-Thing:asText":"Ding ü","bodyValues":{"t":{"value":"Hällo\nthere\n"},"h":{"value":"<p>Hällo</p>"}},
              "textBody":[{"partId":"t","type":"text/plain"}],"htmlBody":[{"partId":"h","type":"text/html"}],
              "attachments":[{"blobId":"{{{file}}}","type":"application/pdf","name":"größe.pdf"}]} } }
            """);
        var id = set["created"]!["k1"]!["id"]!.GetValue<string>();
        var got = (await client.CallAsync("Email/get", $$$"""
            {"ids":["{{{id}}}"],"properties":["subject","from","to","keywords","mailboxIds","bodyStructure","textBody","htmlBody","attachments",
             "bodyValues","messageId","sentAt","hasAttachment","header:x-thing:asText","size","blobId"],
             "bodyProperties":["partId","type","name","size","blobId","charset","subParts","disposition"],"fetchAllBodyValues":true}
            """))["list"]![0]!;
        Assert.Equal("Grüße aus 中国", got["subject"]!.GetValue<string>());
        Assert.Equal("Ding ü", got["header:x-thing:asText"]!.GetValue<string>());
        Assert.Equal("Änn", got["from"]![0]!["name"]!.GetValue<string>());
        Assert.Equal(["$draft", "$seen", "work"], got["keywords"]!.AsObject().Select(k => k.Key).Order());
        Assert.Equal("multipart/mixed", got["bodyStructure"]!["type"]!.GetValue<string>());
        Assert.Equal("Hällo\nthere\n", got["bodyValues"]![got["textBody"]![0]!["partId"]!.GetValue<string>()]!["value"]!.GetValue<string>());
        var attachment = got["attachments"]![0]!;
        Assert.Equal(("größe.pdf", 8), (attachment["name"]!.GetValue<string>(), Int(attachment, "size")));
        Assert.Equal("the file", Encoding.UTF8.GetString(await client.DownloadAsync(attachment["blobId"]!.GetValue<string>())));
        Assert.True(got["hasAttachment"]!.GetValue<bool>());
        var raw = await client.DownloadAsync(got["blobId"]!.GetValue<string>());
        Assert.Equal(Int(got, "size"), raw.Length);
        Assert.DoesNotContain("\n", Encoding.Latin1.GetString(raw).Replace("\r\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.All(raw, b => Assert.InRange(b, 0, 127));
    }

    [Fact]
    public async Task Keywords_and_mailboxes_change_by_patches_and_changes_tell_it()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var boxes = await client.MailboxIdsAsync();
        await server.DeliverAsync("one");
        var id = (await client.CallAsync("Email/query"))["ids"]![0]!.GetValue<string>();
        var before = await client.CallAsync("Email/get", $$$"""{"ids":["{{{id}}}"],"properties":["id"]}""");
        var state = before["state"]!.GetValue<string>();
        var set = await client.CallAsync("Email/set", $$$"""
            {"ifInState":"{{{state}}}","update":{"{{{id}}}":{"keywords/$seen":true,"keywords/x":true,"mailboxIds/{{{boxes["Archive"]}}}":true} } }
            """);
        Assert.True(set["updated"]!.AsObject().ContainsKey(id), set.ToJsonString());
        Assert.Equal(
            "stateMismatch",
            await client.ErrorAsync("Email/set", $$$"""{"ifInState":"{{{state}}}","update":{"{{{id}}}":{"keywords/$seen":null} } }"""));
        await client.CallAsync("Email/set", $$$"""{"update":{"{{{id}}}":{"keywords":{"$flagged":true},"mailboxIds/{{{boxes["INBOX"]}}}":null} } }""");
        var now = (await client.CallAsync("Email/get", $$$"""{"ids":["{{{id}}}"],"properties":["keywords","mailboxIds"]}"""))["list"]![0]!;
        Assert.Equal("""{"$flagged":true}""", now["keywords"]!.ToJsonString());
        Assert.Equal([boxes["Archive"]], now["mailboxIds"]!.AsObject().Select(m => m.Key));
        var changes = await client.CallAsync("Email/changes", $$$"""{"sinceState":"{{{state}}}"}""");
        Assert.Equal([id], changes["updated"]!.AsArray().Select(i => i!.GetValue<string>()));
        var counts = await client.CallAsync("Mailbox/changes", $$$"""{"sinceState":"{{{state}}}"}""");
        Assert.Equal(new[] { boxes["Archive"], boxes["INBOX"] }.Order(), counts["updated"]!.AsArray().Select(i => i!.GetValue<string>()).Order());
        Assert.Equal(4, counts["updatedProperties"]!.AsArray().Count);
        var refused = await client.CallAsync(
            "Email/set", $$$"""{"update":{"{{{id}}}":{"mailboxIds/{{{boxes["Archive"]}}}":null}},"destroy":["M9-9"]}""");
        Assert.Equal("invalidProperties", refused["notUpdated"]![id]!["type"]!.GetValue<string>());
        Assert.Equal("notFound", refused["notDestroyed"]!["M9-9"]!["type"]!.GetValue<string>());
        var gone = await client.CallAsync("Email/set", $$$"""{"destroy":["{{{id}}}"]}""");
        Assert.Equal(id, gone["destroyed"]![0]!.GetValue<string>());
        Assert.Equal(id, (await client.CallAsync("Email/changes", $$$"""{"sinceState":"{{{state}}}"}"""))["destroyed"]![0]!.GetValue<string>());
    }

    [Fact]
    public async Task What_imap_marks_deleted_is_gone_from_jmap_and_comes_back()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var appended = await server.DeliverAsync("one");
        var id = (await client.CallAsync("Email/query"))["ids"]![0]!.GetValue<string>();
        var first = (await client.CallAsync("Email/get", $$$"""{"ids":["{{{id}}}"],"properties":["id"]}"""))["state"]!.GetValue<string>();
        await server.Store.Emails.StoreFlagsAsync(server.Account, Mailbox.Inbox, appended.Uids, FlagOperation.Add, SystemFlags.Deleted, []);
        Assert.Empty((await client.CallAsync("Email/query"))["ids"]!.AsArray());
        Assert.Equal(0, Int((await client.CallAsync("Mailbox/get"))["list"]![0]!, "totalEmails"));
        var hidden = await client.CallAsync("Email/changes", $$$"""{"sinceState":"{{{first}}}"}""");
        Assert.Equal(id, hidden["destroyed"]![0]!.GetValue<string>());
        await server.Store.Emails.StoreFlagsAsync(server.Account, Mailbox.Inbox, appended.Uids, FlagOperation.Remove, SystemFlags.Deleted, []);
        var shown = await client.CallAsync("Email/changes", $$$"""{"sinceState":"{{{hidden["newState"]!.GetValue<string>()}}}"}""");
        Assert.Equal(id, shown["created"]![0]!.GetValue<string>());
        var both = await client.CallAsync("Email/changes", $$$"""{"sinceState":"{{{first}}}"}""");
        Assert.Equal(id, both["updated"]![0]!.GetValue<string>());
    }

    [Fact]
    public async Task Mailboxes_are_made_moved_and_destroyed()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var state = (await client.CallAsync("Mailbox/get"))["state"]!.GetValue<string>();
        var set = await client.CallAsync("Mailbox/set", """
            {"create":{"b":{"name":"Below","parentId":"#a"},"a":{"name":"Above","sortOrder":7},"c":{"name":"Circle","parentId":"#d"},
             "d":{"name":"Circle","parentId":"#c"},
             "e":{"name":"a/b"},"f":{"name":"Trash"},"g":{"name":"x","role":"inbox"}}}
            """);
        Assert.Equal(["a", "b"], set["created"]!.AsObject().Select(c => c.Key).Order());
        Assert.Equal(["c", "d", "e", "f", "g"], set["notCreated"]!.AsObject().Select(c => c.Key).Order());
        var (a, b) = (set["created"]!["a"]!["id"]!.GetValue<string>(), set["created"]!["b"]!["id"]!.GetValue<string>());
        var changes = await client.CallAsync("Mailbox/changes", $$$"""{"sinceState":"{{{state}}}"}""");
        Assert.Equal(new[] { a, b }.Order(), changes["created"]!.AsArray().Select(i => i!.GetValue<string>()).Order());
        var tree = await client.CallAsync("Mailbox/query", """{"sort":[{"property":"name"}],"sortAsTree":true,"filter":{"name":"o"}}""");
        Assert.Equal([a, b], tree["ids"]!.AsArray().Select(i => i!.GetValue<string>()).Where(i => i == a || i == b));
        var appended = (await server.DeliverAsync("in it", mailbox: new Core.MailboxId(long.Parse(b.Split('-')[1], null)))).Uids.Count;
        Assert.Equal(1, appended);
        var refused = await client.CallAsync("Mailbox/set", $$$"""{"destroy":["{{{a}}}"]}""");
        Assert.Equal("mailboxHasChild", refused["notDestroyed"]![a]!["type"]!.GetValue<string>());
        refused = await client.CallAsync("Mailbox/set", $$$"""{"destroy":["{{{b}}}"]}""");
        Assert.Equal("mailboxHasEmail", refused["notDestroyed"]![b]!["type"]!.GetValue<string>());
        var gone = await client.CallAsync("Mailbox/set", $$$"""
            {"onDestroyRemoveEmails":true,"update":{"{{{a}}}":{"name":"Renamed","isSubscribed":false}},"destroy":["{{{a}}}","{{{b}}}"]}
            """);
        Assert.Equal(2, gone["destroyed"]!.AsArray().Count);
        Assert.Empty((await client.CallAsync("Email/query"))["ids"]!.AsArray());
    }

    internal static int Int(JsonNode node, string name) => node[name]!.GetValue<int>();
}
