using System.Diagnostics;

namespace Posthorn.Imap.Tests;

/// <summary>THREAD=REFERENCES on what nobody would write by hand.</summary>
public sealed class ThreadTests
{
    [Fact]
    public void A_chain_as_deep_as_a_large_mailbox_costs_no_stack()
    {
        const int Count = 100_000;
        var messages = Enumerable.Range(0, Count).Select(i => Message(i, i + 1, i == 0 ? [] : [i])).ToList();
        var root = Assert.Single(ReferenceThreads.Of(messages));
        var depth = 0;
        for (var node = root; node.Children.Count > 0; node = Assert.Single(node.Children)) depth++;
        Assert.Equal(Count - 1, depth);
    }

    [Fact]
    public void References_that_are_made_to_cost_much_cost_a_bounded_time()
    {
        // A long chain, and then many messages, each with a child, that want to hang at its end.
        const int Chain = 40_000;
        var messages = Enumerable.Range(0, Chain).Select(i => Message(i, i + 1, i == 0 ? [] : [i])).ToList();
        for (var i = Chain; i < 80_000; i++)
        {
            messages.Add(Message(messages.Count, 1_000_000 + (2 * i) + 1, [1_000_000 + (2 * i)]));
            messages.Add(Message(messages.Count, 1_000_000 + (2 * i), [Chain]));
        }
        var clock = Stopwatch.StartNew();
        Assert.NotEmpty(ReferenceThreads.Of(messages));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"took {clock.Elapsed}");
    }

    [Fact]
    public void Messages_that_refer_to_each_other_in_a_ring_are_one_thread()
    {
        var roots = ReferenceThreads.Of([Message(0, 1, [2]), Message(1, 2, [3]), Message(2, 3, [1])]);
        Assert.Equal([0, 1, 2], Rows(roots).Order());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_message_is_in_one_place_whatever_it_refers_to(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            var count = random.Next(1, 40);
            var messages = Enumerable.Range(0, count).Select(i => new ThreadMessage(
                i, random.Next(10), random.Next(3) == 0 ? "" : $"S{random.Next(4)}", random.Next(2) == 0, random.Next(count),
                [.. Enumerable.Range(0, random.Next(4)).Select(_ => (long)random.Next(1, count + 5))])).ToList();
            Assert.Equal(Enumerable.Range(0, count), Rows(ReferenceThreads.Of(messages)).Order());
            Assert.Equal(Enumerable.Range(0, count), Rows(SubjectThreads.Of(messages)).Order());
        }
    }

    [Fact]
    public async Task Messages_that_came_before_there_were_links_are_threaded_by_their_headers()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await TestServer.StartAsync(ct);
        await server.DeliverAsync("INBOX", "Message-ID: <a@x>\r\nSubject: one\r\n\r\n"u8.ToArray(), ct);
        await server.DeliverAsync("INBOX", "Message-ID: <b@x>\r\nReferences: <a@x>\r\nSubject: two\r\n\r\n"u8.ToArray(), ct);
        await server.AlterAsync("UPDATE email SET thread_link = NULL", ct);
        await server.DeliverAsync("INBOX", "Message-ID: <c@x>\r\nIn-Reply-To: <b@x>\r\nSubject: three\r\n\r\n"u8.ToArray(), ct);
        var client = await server.ClientAsync(ct);
        await client.OkAsync("SELECT INBOX", ct);
        Assert.Equal("* THREAD (1 2 3)", Assert.Single(await client.OkAsync("THREAD REFERENCES UTF-8 ALL", ct)));
    }

    private static ThreadMessage Message(int row, long own, long[] ancestors) => new(row, row, "", false, own, ancestors);

    private static List<int> Rows(List<ThreadNode> roots)
    {
        var nodes = new List<ThreadNode>(roots);
        for (var i = 0; i < nodes.Count; i++) nodes.AddRange(nodes[i].Children);
        return [.. nodes.Where(node => node.Row >= 0).Select(node => node.Row)];
    }
}
