using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class QueueTests
{
    private const string Message = "From: ann@example.test\r\nDate: Wed, 25 Nov 2026 09:59:00 +0000\r\nMessage-ID: <m@example.test>\r\n"
        + "Subject: Plan\r\n\r\nA line.\r\n";

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Remote_recipients_go_out_by_destination_with_our_trace_on_top(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        var receipt = (await host.SendAsync("ann", ["a@one.test", "b@two.test", "c@one.test", "ann"], Message, ann)).Require();
        Assert.Equal((1, 4, 1), await host.RemainsAsync());
        await host.WorkAsync();
        var sent = host.World.Attempts.OrderBy(s => s.Destination).ToList();
        Assert.Equal(["one.test: a@one.test c@one.test", "two.test: b@two.test"], sent.Select(s => $"{s.Destination}: {string.Join(' ', s.To)}"));
        Assert.All(sent, s => Assert.Equal("ann@example.test", s.From));
        Assert.StartsWith("Received: from client.example.net", sent[0].Text, StringComparison.Ordinal);
        Assert.EndsWith("\r\n" + Message, sent[0].Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Return-Path", sent[0].Text, StringComparison.Ordinal);
        Assert.Equal((receipt.Id, sent[0].Text.Length, false, false),
            (sent[0].Message.Id, (int)sent[0].Message.SizeBytes, sent[0].Message.Utf8, sent[0].Message.EightBit));
        Assert.Single(await host.InboxAsync(ann));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_is_deferred_is_tried_less_and_less_often_then_reported(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = RemoteWorld.Defer;
        Assert.True((await host.SendAsync("ann", ["bob@remote.test"], Message, ann)).Ok);
        await host.WorkAsync();
        var gaps = new List<TimeSpan>();
        while (await host.QueuedAsync() is [var item])
        {
            Assert.Equal((QueueState.Waiting, host.World.Attempts.Count, "nobody answers"), (item.State, item.Attempts, item.LastReply));
            var wait = item.NextAttempt!.Value - host.Clock.GetUtcNow();
            await host.WorkAfterAsync(wait - TimeSpan.FromSeconds(1));
            Assert.Equal(gaps.Count + 1, host.World.Attempts.Count);
            await host.WorkAfterAsync(TimeSpan.FromSeconds(1));
            gaps.Add(wait);
            if (host.Clock.GetUtcNow() - DeliveryHost.Start < TimeSpan.FromHours(4)) Assert.Empty(await host.InboxAsync(ann));
        }
        for (var i = 0; i < gaps.Count - 1; i++)
        {
            var delay = RetrySchedule.Delays[Math.Min(i, RetrySchedule.Delays.Length - 1)];
            Assert.InRange(gaps[i], delay, delay * 1.2);
        }
        Assert.Equal(host.Settings.Lifetime, host.Clock.GetUtcNow() - DeliveryHost.Start);
        var reports = await host.InboxAsync(ann);
        Assert.Equal(2, reports.Count);
        Assert.Contains("Action: delayed\r\nStatus: 4.4.1\r\n", reports[0], StringComparison.Ordinal);
        Assert.Contains("Will-Retry-Until: Mon, 30 Nov 2026 10:00:00 +0000\r\n", reports[0], StringComparison.Ordinal);
        Assert.Contains("Action: failed\r\nStatus: 5.4.7\r\n", reports[1], StringComparison.Ordinal);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_permanent_failure_is_reported_at_once_and_alone(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await host.AliasAsync("bobs", "bob@remote.test", "rob@remote.test");
        host.World.Answer = to => to.LocalPart == "bob" ? RemoteWorld.Fail(to) : RemoteWorld.Deliver(to);
        var receipt = (await host.SendAsync("ann", ["bobs"], Message, ann)).Require();
        await host.WorkAsync();
        var report = Assert.Single(await host.InboxAsync(ann));
        Assert.StartsWith("Return-Path: <>\r\nDelivered-To: ann@example.test\r\nFrom: ", report, StringComparison.Ordinal);
        foreach (var part in new[]
        {
            "From: \"Mail Delivery System\" <postmaster@example.test>\r\n", "To: <ann@example.test>\r\n", "Subject: Undelivered mail: Plan\r\n",
            "In-Reply-To: <m@example.test>\r\n", "Auto-Submitted: auto-replied\r\n", "Reporting-MTA: dns; mx.example.test\r\n",
            "Original-Recipient: rfc822; bobs@example.test\r\nFinal-Recipient: rfc822; bob@remote.test\r\nAction: failed\r\nStatus: 5.1.1\r\n",
            "Remote-MTA: dns; mx.remote.test\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n", receipt.Id,
        })
        {
            Assert.Contains(part, report, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("rob@", report, StringComparison.Ordinal);
        Assert.Single(host.World.Attempts);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_report_to_another_server_goes_out_with_the_null_path_and_is_not_reported_on(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        await host.AliasAsync("out", "bob@remote.test");
        host.World.Answer = RemoteWorld.Fail;
        Assert.True((await host.SendAsync("eve@sender.test", ["out"], Message)).Ok);
        await host.WorkAsync();
        Assert.Equal(["eve@sender.test>remote.test", ">sender.test"], host.World.Attempts.Select(s => $"{s.From}>{s.Destination}"));
        var report = host.World.Attempts.Last();
        Assert.StartsWith("From: \"Mail Delivery System\" <postmaster@mx.example.test>\r\n", report.Text, StringComparison.Ordinal);
        Assert.Equal(["eve@sender.test"], report.To);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_sender_that_does_not_exist_hears_nothing(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        await host.AliasAsync("out", "bob@remote.test");
        host.World.Answer = RemoteWorld.Fail;
        Assert.True((await host.SendAsync("ghost", ["out"], Message)).Ok);
        await host.WorkAsync();
        Assert.Single(host.World.Attempts);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Many_local_recipients_are_acknowledged_by_one_commit_and_delivered_from_the_queue(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var accounts = new List<Posthorn.Directory.Identity>();
        for (var i = 0; i < (2 * DeliveryLimits.MailboxesPerCommitMax) + 3; i++)
        {
            accounts.Add(await host.AddAsync("user" + i, quotaBytes: i == 5 ? 1 : null));
        }
        var ann = await host.AddAsync("ann");
        Assert.True((await host.SendAsync("ann", [.. accounts.Select(a => a.Address.LocalPart)], Message, ann)).Ok);
        Assert.Equal((1, accounts.Count, 1), await host.RemainsAsync());
        await host.CrashAsync();
        await host.WorkAsync();
        await host.WorkAsync();
        foreach (var (i, account) in accounts.Index()) Assert.Equal(i == 5 ? 0 : 1, (await host.InboxAsync(account)).Count);
        Assert.Contains("Status: 5.2.2", Assert.Single(await host.InboxAsync(ann)), StringComparison.Ordinal);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
        Assert.Empty((await host.Store.VerifyAsync()).Findings);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Aliases_that_lead_to_very_many_are_followed_from_the_queue_and_reach_each_once(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        for (var alias = 0; alias < 3; alias++)
        {
            await host.AliasAsync("list" + alias, ["ann", .. Enumerable.Range(alias * 400, 450).Select(i => $"u{i}@remote.test")]);
        }
        Assert.True((await host.SendAsync("eve@sender.test", ["list0", "list1", "list2"], Message)).Ok);
        Assert.Equal((1, 3, 1), await host.RemainsAsync());
        await host.WorkAsync();
        var reached = host.World.Attempts.SelectMany(s => s.To).ToList();
        Assert.Equal(1250, reached.Count);
        Assert.Equal(1250, reached.Distinct().Count());
        Assert.All(host.World.Attempts, s => Assert.InRange(s.To.Length, 1, DeliveryLimits.RecipientsPerAttemptMax));
        Assert.Single(await host.InboxAsync(ann));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task An_operator_holds_releases_retries_and_cancels(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = RemoteWorld.Defer;
        Assert.True((await host.SendAsync("ann", ["a@one.test", "b@two.test"], Message, ann)).Ok);
        var (one, two) = ((await host.QueuedAsync())[0].Id, (await host.QueuedAsync())[1].Id);
        Assert.Equal(one, Assert.Single(await host.Queue.ListAsync(new QueueFilter { Domain = Domain.Parse("one.test") })).Id);
        Assert.Equal(two, Assert.Single(await host.Queue.ListAsync(QueueFilter.All, after: one)).Id);
        Assert.Single(await host.Queue.ListAsync(QueueFilter.All, max: 1));

        var held = (await host.Queue.DoAsync(QueueDeed.Hold, one)).Require();
        Assert.Equal((QueueState.Held, null), (held.State, held.NextAttempt));
        await host.WorkAsync();
        Assert.Equal("two.test", Assert.Single(host.World.Attempts).Destination);
        var counts = await host.Queue.CountAsync();
        Assert.Equal((1, 0, 1), (counts[QueueState.Waiting], counts[QueueState.Active], counts[QueueState.Held]));

        Assert.True((await host.Queue.DoAsync(QueueDeed.Release, one)).Ok);
        await host.WorkAsync();
        Assert.Equal(2, host.World.Attempts.Count);
        Assert.Equal(host.Clock.GetUtcNow(), (await host.Queue.DoAsync(QueueDeed.Retry, one)).Require().NextAttempt);
        await host.WorkAsync();
        Assert.Equal(2, (await host.Queue.FindAsync(one))!.Attempts);

        Assert.True((await host.Queue.DoAsync(QueueDeed.Cancel, one)).Ok);
        Assert.Equal(RefusalKind.NotFound, (await host.Queue.DoAsync(QueueDeed.Cancel, one)).Refusal!.Kind);
        Assert.True((await host.Queue.DoAsync(QueueDeed.Cancel, two)).Ok);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
        Assert.Empty(await host.InboxAsync(ann));

        Assert.True((await host.SendAsync("ann", ["c@one.test"], Message, ann)).Ok);
        Assert.InRange((await host.QueuedAsync())[0].Id, two + 1, long.MaxValue);
    }
}
