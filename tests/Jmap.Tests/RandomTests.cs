using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Imap;
using Posthorn.Wire;
using ImapClient = Posthorn.Imap.Tests.TestClient;

namespace Posthorn.Jmap.Tests;

/// <summary>
/// Random operations over IMAP and JMAP on one account. After each, both show the same, and a JMAP client that follows /changes and /queryChanges
/// from where it stood knows what a fresh look shows.
/// </summary>
public sealed partial class RandomTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Imap_and_jmap_show_the_same_and_changes_lead_there(int seed)
    {
        await using var server = await TestServer.StartAsync();
        using var jmap = server.Client();
        var imapServer = new ImapServer(new ImapSettings(), server.Store, server.Directory, null, NullLogger<ImapServer>.Instance);
        await using var link = new WireLink(ImapServer.Limits, TimeProvider.System);
        link.Client.Limits = new WireLimits { LineOctetsMax = 1024 * 1024 };
        var session = imapServer.ServeAsync(link.Server);
        var imap = new ImapClient(link.Client);
        await imap.ReadLineAsync(default);
        await imap.OkAsync($"LOGIN {TestServer.User} \"{TestServer.Password}\"", default);
        var run = new Run(new Random(seed), imap, jmap);
        await run.BeginAsync();
        for (var step = 0; step < 60; step++)
        {
            var what = await run.StepAsync(step);
            await run.CompareAsync($"seed {seed}, step {step}: {what}");
        }
        await link.Client.DisposeAsync();
        await session;
    }

    /// <summary>An Email as either protocol shows it.</summary>
    private sealed record Shown(string Thread, string Mailboxes, string Keywords);

    private sealed partial class Run(Random random, ImapClient imap, TestClient jmap)
    {
        private static readonly string[] Words = ["\\Seen", "\\Flagged", "\\Deleted", "\\Draft", "work", "\\Deleted"];

        private readonly Dictionary<string, Shown> _known = [];
        private readonly Dictionary<string, string> _mailboxes = [];
        private readonly Dictionary<string, string> _threads = [];
        private readonly (string Query, List<string> Ids, string State)[] _queries = new (string, List<string>, string)[3];
        private string _emailState = "", _mailboxState = "", _threadState = "";
        private Dictionary<string, string> _boxes = [];
        private int _appended;

        public async Task BeginAsync()
        {
            _boxes = await jmap.MailboxIdsAsync();
            _queries[0].Query = $$"""{"filter":{"inMailbox":"{{_boxes["INBOX"]}}"},"collapseThreads":true}""";
            _queries[1].Query = """
                {"filter":{"someInThreadHaveKeyword":"$flagged"},"sort":[{"property":"hasKeyword","keyword":"$seen"},{"property":"size"}]}
                """;
            _queries[2].Query = """
                {"filter":{"operator":"NOT","conditions":[{"hasKeyword":"work"},{"text":"number7"}]},"sort":[{"property":"subject"}]}
                """;
            for (var i = 0; i < _queries.Length; i++)
            {
                var got = await jmap.CallAsync("Email/query", _queries[i].Query);
                (_queries[i].Ids, _queries[i].State) = (Texts(got["ids"]!), Text(got, "queryState"));
            }
            _emailState = Text(await jmap.CallAsync("Email/get", """{"ids":[]}"""), "state");
            _threadState = Text(await jmap.CallAsync("Thread/get", """{"ids":[]}"""), "state");
            var mailboxes = await jmap.CallAsync("Mailbox/get", """{"ids":null}""");
            _mailboxState = Text(mailboxes, "state");
            foreach (var one in mailboxes["list"]!.AsArray()) _mailboxes[Text(one!, "id")] = one!.ToJsonString();
        }

        public async Task<string> StepAsync(int step)
        {
            var what = step < 8 ? 0 : random.Next(12);
            var box = Pick(["INBOX", "Archive", "Trash", "Drafts"]);
            var other = Pick(["INBOX", "Archive", "Trash"]);
            var flag = Pick(Words);
            switch (what)
            {
                case 0 or 1:
                    var id = _appended++;
                    var reply = id > 0 && random.Next(2) == 0 ? random.Next(id) : -1;
                    var subject = reply < 0 ? $"Subject {id}" : "Re: Subject " + Root(reply);
                    _roots[id] = reply < 0 ? id : Root(reply);
                    var text = $"From: x@example.test\r\nSubject: {subject}\r\nMessage-ID: <{id}@x>\r\n"
                        + (reply < 0 ? "" : $"References: <{Root(reply)}@x> <{reply}@x>\r\n") + $"\r\nnumber{id % 10}\r\n";
                    return await ImapAsync($"APPEND {box} ({flag})", await imap.AppendAsync(box, text, default, $"({flag}) "));
                case 2 or 3: return await InBoxAsync(box, $"UID STORE {{0}} {Pick(["+", "-", ""])}FLAGS.SILENT ({flag})");
                case 4: return await InBoxAsync(box, $"UID COPY {{0}} {other}");
                case 5: return await InBoxAsync(box, $"UID MOVE {{0}} {other}");
                case 6: return await InBoxAsync(box, "EXPUNGE");
                case 7 when _known.Count > 0:
                    var keyword = Pick(["$seen", "$flagged", "work", "other"]);
                    return await SetAsync($$"""{"update":{"{{Pick([.. _known.Keys])}}":{"keywords/{{keyword}}":{{Pick(["true", "null"])}} } } }""");
                case 8 when _known.Count > 0:
                    var away = box == other ? "" : $$""","mailboxIds/{{_boxes[other]}}":null""";
                    return await SetAsync($$"""{"update":{"{{Pick([.. _known.Keys])}}":{"mailboxIds/{{_boxes[box]}}":true{{away}} } } }""");
                case 9 when _known.Count > 0:
                    return await SetAsync($$"""
                        {"update":{"{{Pick([.. _known.Keys])}}":{"mailboxIds":{"{{_boxes[box]}}":true,"{{_boxes["Sent"]}}":true},
                         "keywords":{"$seen":true} } } }
                        """);
                case 10 when _known.Count > 6: return await SetAsync($$"""{"destroy":["{{Pick([.. _known.Keys])}}"]}""");
                default: return await MailboxesAsync();
            }
        }

        public async Task CompareAsync(string step)
        {
            var byImap = await ByImapAsync();
            var byJmap = await ByJmapAsync();
            Assert.True(Same(byImap, byJmap), $"{step}\nIMAP: {Text(byImap)}\nJMAP: {Text(byJmap)}");
            await FollowEmailsAsync(byJmap, step);
            await FollowMailboxesAsync(byJmap, step);
            await FollowThreadsAsync(byJmap, step);
            for (var i = 0; i < _queries.Length; i++) await FollowQueryAsync(i, step);
        }

        private readonly Dictionary<int, int> _roots = [];

        private int Root(int id) => _roots.GetValueOrDefault(id, id);

        private string Pick(IReadOnlyList<string> from) => from[random.Next(from.Count)];

        private static async Task<string> ImapAsync(string what, string tagged)
        {
            await Task.CompletedTask;
            Assert.StartsWith("OK", tagged, StringComparison.Ordinal);
            return what;
        }

        private async Task<string> InBoxAsync(string box, string command)
        {
            await imap.OkAsync($"SELECT {box}", default);
            var uids = (await imap.OkAsync("UID SEARCH ALL", default))
                .SelectMany(static l => Number().Matches(l).Select(static m => m.Value)).ToList();
            if (command.Contains("{0}", StringComparison.Ordinal) && uids.Count == 0) return "nothing";
            var set = string.Join(',', uids.Where(_ => random.Next(3) == 0).DefaultIfEmpty(uids.Count > 0 ? uids[0] : "1"));
            var text = command.Replace("{0}", set, StringComparison.Ordinal);
            await imap.OkAsync(text, default);
            return $"{box}: {text}";
        }

        private async Task<string> SetAsync(string arguments)
        {
            await jmap.CallAsync("Email/set", arguments);
            return "Email/set " + arguments;
        }

        private async Task<string> MailboxesAsync()
        {
            var name = "Box" + random.Next(3);
            var has = (await jmap.MailboxIdsAsync()).TryGetValue(name, out var id);
            var arguments = !has ? $$"""{"create":{"n":{"name":"{{name}}"} } }"""
                : random.Next(2) == 0 ? $$"""{"destroy":["{{id}}"],"onDestroyRemoveEmails":true}"""
                : $$"""{"update":{"{{id}}":{"sortOrder":{{random.Next(9)}},"isSubscribed":{{Pick(["true", "false"])}} } } }""";
            await jmap.CallAsync("Mailbox/set", arguments);
            return "Mailbox/set " + arguments;
        }

        private async Task<Dictionary<string, Shown>> ByImapAsync()
        {
            var emails = new Dictionary<string, (string Thread, SortedSet<string> Boxes, string Keywords)>();
            foreach (var (name, id) in await jmap.MailboxIdsAsync())
            {
                await imap.OkAsync($"EXAMINE {name}", default);
                foreach (var line in await imap.OkAsync("UID FETCH 1:* (FLAGS EMAILID THREADID)", default))
                {
                    if (Fetched().Match(line) is not { Success: true } match) continue;
                    var flags = match.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(static f => f != "\\Recent").ToList();
                    if (flags.Contains("\\Deleted")) continue;
                    var keywords = string.Join(' ', flags.Select(static f => f.Replace('\\', '$').ToLowerInvariant()).Order(StringComparer.Ordinal));
                    var email = match.Groups[2].Value;
                    if (!emails.TryGetValue(email, out var shown)) emails[email] = shown = (match.Groups[3].Value, [], keywords);
                    Assert.Equal(shown.Keywords, keywords);
                    shown.Boxes.Add(id);
                }
            }
            await imap.OkAsync("UNSELECT", default);
            return emails.ToDictionary(static e => e.Key, static e => new Shown(e.Value.Thread, string.Join(' ', e.Value.Boxes), e.Value.Keywords));
        }

        private async Task<Dictionary<string, Shown>> ByJmapAsync()
        {
            var ids = Texts((await jmap.CallAsync("Email/query"))["ids"]!);
            Assert.Equal(ids.Count, ids.Distinct().Count());
            return await GetAsync(ids);
        }

        private async Task<Dictionary<string, Shown>> GetAsync(List<string> ids)
        {
            var got = await jmap.CallAsync(
                "Email/get",
                $$"""{"ids":[{{string.Join(',', ids.Select(static i => $"\"{i}\""))}}],"properties":["threadId","mailboxIds","keywords"]}""");
            return got["list"]!.AsArray().ToDictionary(static e => Text(e!, "id"), static e => new Shown(
                Text(e!, "threadId"), Keys(e!["mailboxIds"]!), Keys(e["keywords"]!)));
        }

        private async Task FollowEmailsAsync(Dictionary<string, Shown> now, string step)
        {
            await FollowAsync("Email/changes", _emailState, async changes =>
            {
                foreach (var id in Texts(changes["destroyed"]!)) Assert.True(_known.Remove(id), $"{step}: {id} was not there to be destroyed");
                Assert.All(Texts(changes["created"]!), id => Assert.False(_known.ContainsKey(id), $"{step}: {id} is created again"));
                foreach (var (id, shown) in await GetAsync([.. Texts(changes["created"]!), .. Texts(changes["updated"]!)])) _known[id] = shown;
                _emailState = Text(changes, "newState");
            });
            Assert.True(Same(_known, now), $"{step}\nfollowed: {Text(_known)}\nis: {Text(now)}");
        }

        private async Task FollowMailboxesAsync(Dictionary<string, Shown> emails, string step)
        {
            var fresh = (await jmap.CallAsync("Mailbox/get", """{"ids":null}"""))["list"]!.AsArray();
            await FollowAsync("Mailbox/changes", _mailboxState, changes =>
            {
                foreach (var id in Texts(changes["destroyed"]!)) _mailboxes.Remove(id);
                var changed = Texts(changes["created"]!).Concat(Texts(changes["updated"]!)).ToHashSet();
                var onlyCounts = changes["updatedProperties"] is not null;
                foreach (var one in fresh.Where(m => changed.Contains(Text(m!, "id"))))
                {
                    var id = Text(one!, "id");
                    if (onlyCounts && _mailboxes.TryGetValue(id, out var before))
                        Assert.Equal(WithoutCounts(before), WithoutCounts(one!.ToJsonString()));
                    _mailboxes[id] = one!.ToJsonString();
                }
                _mailboxState = Text(changes, "newState");
                return Task.CompletedTask;
            }, pages: false);
            Assert.True(
                _mailboxes.Values.Order().SequenceEqual(fresh.Select(static m => m!.ToJsonString()).Order()),
                $"{step}\nfollowed: {string.Join('\n', _mailboxes.Values.Order())}\nis: "
                + $"{string.Join('\n', fresh.Select(static m => m!.ToJsonString()).Order())}");
            foreach (var one in fresh) CheckCounts(one!, emails, step);
        }

        private void CheckCounts(JsonNode mailbox, Dictionary<string, Shown> emails, string step)
        {
            var id = Text(mailbox, "id");
            var inside = emails.Values.Where(e => e.Mailboxes.Split(' ').Contains(id)).ToList();
            var trash = _boxes["Trash"];
            // RFC 8621 §2: what is in the trash is as though it were in a Thread of its own.
            var counted = emails.Values.Where(IsUnread)
                .Where(e => id == trash ? e.Mailboxes.Split(' ').Contains(trash) : e.Mailboxes != trash).Select(static e => e.Thread).ToHashSet();
            var expected = (inside.Count, inside.Count(IsUnread), inside.Select(static e => e.Thread).Distinct().Count(),
                inside.Select(static e => e.Thread).Distinct().Count(counted.Contains));
            var told = (MailTests.Int(mailbox, "totalEmails"), MailTests.Int(mailbox, "unreadEmails"), MailTests.Int(mailbox, "totalThreads"),
                MailTests.Int(mailbox, "unreadThreads"));
            Assert.True(expected == told, $"{step}: {mailbox["name"]} has {expected}, told {told}");
        }

        private async Task FollowThreadsAsync(Dictionary<string, Shown> emails, string step)
        {
            await FollowAsync("Thread/changes", _threadState, async changes =>
            {
                foreach (var id in Texts(changes["destroyed"]!)) _threads.Remove(id);
                var ids = string.Join(',', Texts(changes["created"]!).Concat(Texts(changes["updated"]!)).Select(static i => $"\"{i}\""));
                var got = await jmap.CallAsync("Thread/get", $$"""{"ids":[{{ids}}]}""");
                foreach (var one in got["list"]!.AsArray()) _threads[Text(one!, "id")] = string.Join(' ', Texts(one!["emailIds"]!).Order());
                _threadState = Text(changes, "newState");
            });
            var expected = emails.GroupBy(static e => e.Value.Thread)
                .ToDictionary(static g => g.Key, static g => string.Join(' ', g.Select(static e => e.Key).Order()));
            Assert.True(
                expected.OrderBy(static t => t.Key).SequenceEqual(_threads.OrderBy(static t => t.Key)),
                $"{step}\nfollowed: {string.Join('\n', _threads.OrderBy(static t => t.Key))}\nis: "
                + $"{string.Join('\n', expected.OrderBy(static t => t.Key))}");
        }

        private async Task FollowQueryAsync(int number, string step)
        {
            var (query, ids, state) = _queries[number];
            var ask = JsonNode.Parse(query)!.AsObject();
            ask["sinceQueryState"] = state;
            var changes = await jmap.CallAsync("Email/queryChanges", ask.ToJsonString());
            var removed = Texts(changes["removed"]!).ToHashSet();
            ids.RemoveAll(removed.Contains);
            foreach (var added in changes["added"]!.AsArray()) ids.Insert(MailTests.Int(added!, "index"), Text(added!, "id"));
            _queries[number].State = Text(changes, "newQueryState");
            var fresh = Texts((await jmap.CallAsync("Email/query", query))["ids"]!);
            Assert.True(ids.SequenceEqual(fresh), $"{step}, query {number}\nfollowed: {string.Join(' ', ids)}\nis: {string.Join(' ', fresh)}");
        }

        private async Task FollowAsync(string method, string since, Func<JsonObject, Task> take, bool pages = true)
        {
            while (true)
            {
                var max = pages ? $$""","maxChanges":{{random.Next(1, 5)}}""" : "";
                var changes = await jmap.CallAsync(method, $$"""{"sinceState":"{{since}}"{{max}} }""");
                await take(changes);
                if (!changes["hasMoreChanges"]!.GetValue<bool>()) return;
                since = Text(changes, "newState");
            }
        }

        private static bool IsUnread(Shown email) => !email.Keywords.Split(' ').Any(static k => k is "$seen" or "$draft");

        private static bool Same(Dictionary<string, Shown> a, Dictionary<string, Shown> b) =>
            a.Count == b.Count && a.All(e => b.GetValueOrDefault(e.Key) == e.Value);

        private static string WithoutCounts(string mailbox) => CountsText().Replace(mailbox, "");

        private static string Text(Dictionary<string, Shown> emails) => "\n" + string.Join('\n', emails.OrderBy(static e => e.Key));

        private static string Text(JsonNode node, string name) => node[name]!.GetValue<string>();

        private static List<string> Texts(JsonNode list) => [.. list.AsArray().Select(static i => i!.GetValue<string>())];

        private static string Keys(JsonNode map) => string.Join(' ', map.AsObject().Select(static p => p.Key).Order(StringComparer.Ordinal));

        [GeneratedRegex(@"\d+")]
        private static partial Regex Number();

        [GeneratedRegex(@"FLAGS \(([^)]*)\).*EMAILID \(([^)]*)\).*THREADID \(([^)]*)\)")]
        private static partial Regex Fetched();

        [GeneratedRegex("\"(total|unread)[A-Za-z]+\":\\d+,?")]
        private static partial Regex CountsText();
    }
}
