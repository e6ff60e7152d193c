using System.Buffers;
using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class JourneyTests
{
    private const string Message = "From: ann@example.test\r\nDate: Wed, 25 Nov 2026 09:59:00 +0000\r\nMessage-ID: <m@example.test>\r\n"
        + "Subject: Plan\r\n\r\nA line.\r\n";

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_message_leaves_a_trace_of_every_step(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, bob) = (await host.AddAsync("ann"), await host.AddAsync("bob"));
        host.World.Answer = RemoteWorld.Defer;
        var receipt = (await host.SendAsync("ann", ["eve@remote.test", "bob"], Message, ann)).Require();
        await host.WorkAsync();
        var id = (await host.QueuedAsync())[0].Id;
        host.World.Answer = to => RemoteWorld.Fail(to) with { Tls = "TLS1.3 TLS_AES_256_GCM_SHA384" };
        host.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True((await host.Queue.DoAsync(QueueDeed.Retry, id)).Ok);
        await host.WorkAsync();
        var steps = await host.Journey.FindAsync(new JourneyQuery { Message = receipt.Id }, 10);
        Assert.Equal(
            [
                JourneyStep.Received, JourneyStep.Queued, JourneyStep.Delivered, JourneyStep.Deferred, JourneyStep.Failed, JourneyStep.Reported,
                JourneyStep.Operated,
            ],
            steps.Select(step => step.Step).Order());
        var received = steps.Single(step => step.Step == JourneyStep.Received);
        Assert.Equal(
            ("ann@example.test", "m@example.test", IPAddress.Parse("192.0.2.7"), "client.example.net", "ann@example.test"),
            (received.From, received.MessageId, received.Client, received.Name, received.User));
        Assert.Equal(["eve@remote.test", "bob@example.test"], received.To);
        var failed = steps.Single(step => step.Step == JourneyStep.Failed);
        Assert.Equal(
            ("550 5.1.1 no such user", "5.1.1", "mx.remote.test", "TLS1.3 TLS_AES_256_GCM_SHA384", id),
            (failed.Text, failed.Status, failed.Host, failed.Tls, failed.Queue!.Value));
        Assert.Equal(host.Clock.GetUtcNow(), failed.At);
        Assert.NotNull(steps.Single(step => step.Step == JourneyStep.Deferred).Next);
        Assert.Single(await host.InboxAsync(bob));

        foreach (var query in new JourneyQuery[]
        {
            new() { MessageId = "m@example.test" }, new() { Address = DeliveryHost.At("EVE@remote.test") }, new() { Queue = id },
            new() { Address = DeliveryHost.At("eve@remote.test"), Since = DeliveryHost.Start, Until = DeliveryHost.Start },
            new() { Message = receipt.Id, Within = DeliveryHost.Example },
        })
        {
            Assert.Equal(steps.Count, (await host.Journey.FindAsync(query, 10)).Count(step => step.Message == receipt.Id));
        }
        foreach (var query in new JourneyQuery[]
        {
            new() { MessageId = "other@example.test" }, new() { Queue = id + 100 }, new() { Since = host.Clock.GetUtcNow() + TimeSpan.FromDays(1) },
            new() { Message = receipt.Id, Within = Domain.Parse("other.test") },
        })
        {
            Assert.Empty(await host.Journey.FindAsync(query, 10));
        }
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_is_not_taken_leaves_a_trace_too_and_what_goes_straight_two_steps(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        Assert.False((await host.SendAsync("ann", ["ann"], "Subject: no From\r\n\r\nx\r\n", ann)).Ok);
        Assert.True((await host.SendAsync("eve@sender.test", ["ann"], Message)).Ok);
        var steps = await host.Journey.FindAsync(new JourneyQuery { Address = DeliveryHost.At("ann") }, 10);
        Assert.Equal([JourneyStep.Received, JourneyStep.Delivered, JourneyStep.Refused], steps.Select(step => step.Step));
        Assert.Equal("the message needs a From field with an address", steps[2].Text);
        Assert.Equal(["ann@example.test"], steps[1].To);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Traces_are_kept_for_their_days_and_go_by_the_day(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        await host.AddAsync("ann");
        for (var day = 0; day < 40; day++)
        {
            Assert.True((await host.SendAsync("eve@sender.test", ["ann"], Message)).Ok);
            await host.Journey.FlushAsync();
            host.Clock.Advance(TimeSpan.FromDays(1));
        }
        var kept = new List<JourneyEvent>();
        await foreach (var step in host.Journey.ExportAsync(new JourneyQuery())) kept.Add(step);
        var first = host.Clock.GetUtcNow() - TimeSpan.FromDays(1) - DeliveryHost.JourneyKept;
        Assert.Equal(first.Date, kept[0].At.Date);
        Assert.Equal(2 * 31, kept.Count);
        Assert.Equal(kept.OrderBy(step => step.At).Select(step => step.At), kept.Select(step => step.At));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Among_many_the_last_are_found_first(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        for (var i = 0; i < 3000; i++)
        {
            host.Journey.Note(new JourneyEvent(DeliveryHost.Start + TimeSpan.FromSeconds(i), $"m{i}", JourneyStep.Received)
            {
                From = $"u{i % 10}@sender.test",
                To = ["ann@example.test"],
            });
        }
        var found = await host.Journey.FindAsync(new JourneyQuery { Address = DeliveryHost.At("u3@sender.test") }, 5);
        Assert.Equal(["m2993", "m2983", "m2973", "m2963", "m2953"], found.Select(step => step.Message));
        Assert.Equal(3, (await host.Journey.FindAsync(new JourneyQuery(), 3)).Count);
    }

    [Fact]
    public async Task A_full_line_leaves_steps_out_and_keeps_nobody_waiting()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        for (var i = 0; i < JourneyLimits.WaitingMax * 3; i++) host.Journey.Note(new JourneyEvent(DeliveryHost.Start, "m", JourneyStep.Received));
        await host.Journey.FlushAsync();
        Assert.InRange((await host.Journey.FindAsync(new JourneyQuery { Message = "m" }, 1)).Count, 1, JourneyLimits.EventsPerMessageMax);
    }

    [Fact]
    public void A_step_is_read_as_it_was_written()
    {
        var step = new JourneyEvent(new DateTimeOffset(2026, 11, 25, 10, 0, 0, 123, TimeSpan.Zero), "m1", JourneyStep.Deferred)
        {
            From = "",
            To = ["\"a b\"@x.test", "ü@y.test"],
            MessageId = "a<\"\\>\u0007b",
            Queue = 7,
            Client = IPAddress.Parse("2001:db8::1"),
            Name = "helo",
            With = "ESMTPS",
            Tls = "TLS1.3 x",
            User = "u@x.test",
            Session = "s1",
            Size = 12,
            Status = "4.4.1",
            Text = "line\r\n\"two\"",
            Host = "mx.test",
            Next = new DateTimeOffset(2026, 11, 25, 11, 0, 0, TimeSpan.Zero),
        };
        var line = new ArrayBufferWriter<byte>();
        JourneyText.Write(line, step);
        Assert.Equal(1, Encoding.UTF8.GetString(line.WrittenSpan).Count(c => c == '\n'));
        var read = JourneyText.Read(line.WrittenMemory);
        Assert.Equal(step.To, read.To);
        Assert.Equal(step with { To = [] }, read with { To = [] });
    }

    [Fact]
    public void A_filter_never_forgets_and_is_seldom_wrong()
    {
        var filter = BloomFilter.For(1000);
        for (var i = 0; i < 1000; i++) filter.Add("key" + i);
        for (var i = 0; i < 1000; i++) Assert.True(BloomFilter.MayHold(filter.Bits, "key" + i));
        Assert.InRange(Enumerable.Range(0, 10_000).Count(i => BloomFilter.MayHold(filter.Bits, "other" + i)), 0, 200);
    }
}
