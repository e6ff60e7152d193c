using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class ReportTests
{
    private const string Message = "From: ann@example.test\r\nMessage-ID: <m@example.test>\r\nSubject: Plan\r\n\r\nA line.\r\n";

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Who_wants_to_hear_of_nothing_hears_of_nothing_and_who_wants_success_hears_of_that_alone(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = RemoteWorld.Fail;
        await host.SubmitAsync(ann, MailParameters.None, ("never@remote.test", DsnNotify.Never), ("success@remote.test", DsnNotify.Success));
        await host.WorkAsync();
        Assert.Empty(await host.InboxAsync(ann));
        host.World.Answer = RemoteWorld.Deliver;
        await host.SubmitAsync(
            ann, MailParameters.None, ("bob@remote.test", DsnNotify.Failure | DsnNotify.Delay), ("eve@remote.test", DsnNotify.Success));
        await host.WorkAsync();
        var report = Assert.Single(await host.InboxAsync(ann));
        Assert.Contains("Final-Recipient: rfc822; eve@remote.test\r\nAction: relayed\r\nStatus: 2.0.0\r\n", report, StringComparison.Ordinal);
        Assert.DoesNotContain("bob@", report, StringComparison.Ordinal);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_server_that_reports_itself_is_left_to_it(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = to => RemoteWorld.Deliver(to) with { Duties = PeerDuties.Dsn };
        await host.SubmitAsync(
            ann, MailParameters.None with { EnvelopeId = "QQ 314", Return = DsnReturn.Full }, ("bob@remote.test", DsnNotify.Success));
        await host.WorkAsync();
        Assert.Empty(await host.InboxAsync(ann));
        var sent = Assert.Single(host.World.Attempts).Message;
        Assert.Equal(("QQ 314", DsnReturn.Full), (sent.Parameters.EnvelopeId, sent.Parameters.Return));
        Assert.Equal(DsnNotify.Success, sent.ParametersOf(DeliveryHost.At("bob@remote.test")).Notify);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_success_here_is_reported_with_the_delivery(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, bob, eve) = (await host.AddAsync("ann"), await host.AddAsync("bob"), await host.AddAsync("eve", quotaBytes: 1));
        await host.SubmitAsync(ann, MailParameters.None, ("bob", DsnNotify.Success), ("eve", DsnNotify.Success | DsnNotify.Failure));
        await host.WorkAsync();
        Assert.Single(await host.InboxAsync(bob));
        Assert.Empty(await host.InboxAsync(eve));
        var reports = await host.InboxAsync(ann);
        Assert.Equal(2, reports.Count);
        Assert.Single(reports, r => r.Contains("bob@example.test\r\nAction: delivered\r\n", StringComparison.Ordinal));
        Assert.Single(reports, r => r.Contains("eve@example.test\r\nAction: failed\r\nStatus: 5.2.2\r\n", StringComparison.Ordinal));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_report_brings_back_what_RET_asks_for_and_names_what_the_sender_named(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = RemoteWorld.Fail;
        await host.SubmitAsync(
            ann, MailParameters.None with { EnvelopeId = "QQ 314", Return = DsnReturn.Full }, ("bob@remote.test", DsnNotify.Undeclared));
        await host.SubmitAsync(ann, MailParameters.None with { Return = DsnReturn.Headers }, ("eve@remote.test", DsnNotify.Failure));
        await host.WorkAsync();
        var reports = await host.InboxAsync(ann);
        var full = Assert.Single(reports, r => r.Contains("bob@remote.test", StringComparison.Ordinal));
        Assert.Contains("Original-Envelope-Id: QQ 314\r\n", full, StringComparison.Ordinal);
        Assert.Contains("Original-Recipient: rfc822; bob@remote.test@asked\r\n", full, StringComparison.Ordinal);
        Assert.Contains("A line.\r\n", full, StringComparison.Ordinal);
        var headers = Assert.Single(reports, r => r.Contains("eve@remote.test", StringComparison.Ordinal));
        Assert.DoesNotContain("A line.\r\n", headers, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_report_that_fails_is_kept_for_the_postmaster_and_what_fails_there_is_not(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var post = await host.AddAsync("post", role: Role.Admin);
        await host.AliasAsync("out", "bob@remote.test");
        host.World.Answer = RemoteWorld.Fail;
        Assert.True((await host.SendAsync("eve@sender.test", ["out"], Message)).Ok); // its report to sender.test fails too
        Assert.True((await host.SendAsync("ghost", ["out"], Message)).Ok); // nobody is there to be told
        await host.WorkAsync();
        var kept = await host.InboxAsync(post);
        Assert.Equal(2, kept.Count);
        Assert.Single(kept, r => r.Contains("Final-Recipient: rfc822; eve@sender.test\r\nAction: failed\r\n", StringComparison.Ordinal));
        Assert.All(kept, r => Assert.StartsWith("Return-Path: <>\r\n", r, StringComparison.Ordinal));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
        await host.Store.SetQuotaAsync(post.Account, null, 1);
        Assert.True((await host.SendAsync("eve@sender.test", ["out"], Message)).Ok);
        await host.WorkAsync();
        await host.WorkAfterAsync(TimeSpan.FromDays(6));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_must_not_be_late_fails_when_it_is_and_what_may_be_is_told_of(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = RemoteWorld.Defer;
        var deadline = DeliveryHost.Start + TimeSpan.FromMinutes(30);
        var by = MailParameters.None with { By = new DeliverBy(deadline, Returns: true, Trace: false) };
        await host.SubmitAsync(ann, by, ("bob@remote.test", DsnNotify.Undeclared));
        await host.SubmitAsync(ann, by with { By = by.By! with { Returns = false } }, ("eve@remote.test", DsnNotify.Undeclared));
        for (var minute = 0; minute < 29; minute++) await host.WorkAfterAsync(TimeSpan.FromMinutes(1));
        Assert.Empty(await host.InboxAsync(ann));
        for (var minute = 0; minute < 60; minute++) await host.WorkAfterAsync(TimeSpan.FromMinutes(1));
        var reports = await host.InboxAsync(ann);
        Assert.Single(reports, r => r.Contains("bob@remote.test\r\nAction: failed\r\nStatus: 5.4.7\r\n", StringComparison.Ordinal));
        Assert.Single(reports, r => r.Contains("eve@remote.test\r\nAction: delayed\r\n", StringComparison.Ordinal));
        Assert.Equal(2, reports.Count);
        host.World.Answer = RemoteWorld.Deliver;
        await host.WorkAfterAsync(TimeSpan.FromHours(3));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task The_urgent_goes_before_what_was_queued_a_little_earlier(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, s => s with { ConnectionsPerDestinationMax = 1 });
        var ann = await host.AddAsync("ann");
        await host.SubmitAsync(ann, MailParameters.None, ("first@remote.test", DsnNotify.Undeclared));
        host.Clock.Advance(TimeSpan.FromSeconds(30));
        await host.SubmitAsync(ann, MailParameters.None with { Priority = 3 }, ("urgent@remote.test", DsnNotify.Undeclared));
        await host.WorkAsync();
        Assert.Equal(["urgent@remote.test", "first@remote.test"], host.World.Attempts.Select(sent => sent.To[0]));
        Assert.Equal(RetrySchedule.After(3, 0, 0), RetrySchedule.After(3, 9, 0) * 2);
        Assert.Equal(RetrySchedule.After(3, 0, 0) * 2, RetrySchedule.After(3, -9, 0));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task An_address_that_bounced_is_closed_to_the_account_then_to_all_until_its_time_is_over(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        Identity[] senders = [await host.AddAsync("ann"), await host.AddAsync("bob"), await host.AddAsync("cid"), await host.AddAsync("dan")];
        host.World.Answer = RemoteWorld.Fail;
        async Task<int> TryAsync(Identity sender)
        {
            var before = host.World.Attempts.Count;
            await host.SubmitAsync(sender, MailParameters.None, ("Gone@remote.test", DsnNotify.Undeclared));
            await host.WorkAsync();
            return host.World.Attempts.Count - before;
        }
        Assert.Equal(1, await TryAsync(senders[0]));
        Assert.Equal(0, await TryAsync(senders[0]));
        Assert.Contains("Status: 5.7.1", (await host.InboxAsync(senders[0]))[1], StringComparison.Ordinal);
        Assert.Equal(1, await TryAsync(senders[1]));
        Assert.Equal(1, await TryAsync(senders[2]));
        Assert.Equal(0, await TryAsync(senders[3]));
        var list = await host.Delivery.Suppressions.ListAsync();
        Assert.Equal([null, senders[0].Account, senders[1].Account, senders[2].Account], list.Select(entry => entry.Account));
        Assert.True(await host.Delivery.Suppressions.RemoveAsync(null, DeliveryHost.At("GONE@remote.test")));
        Assert.False(await host.Delivery.Suppressions.RemoveAsync(null, DeliveryHost.At("gone@remote.test")));
        Assert.Equal(1, await TryAsync(senders[3]));
        host.Clock.Advance(host.Settings.SuppressionLifetime + TimeSpan.FromMinutes(1));
        await host.Delivery.Suppressions.AddAsync(null, DeliveryHost.At("other@remote.test"), "asked not to be written to", null);
        await host.WorkAsync();
        Assert.Equal("asked not to be written to", Assert.Single(await host.Delivery.Suppressions.ListAsync()).Reason);
        Assert.Equal(1, await TryAsync(senders[0]));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_full_mailbox_and_mail_that_is_passed_on_close_nothing(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await host.AliasAsync("out", "gone@remote.test");
        host.World.Answer = RemoteWorld.Fail;
        Assert.True((await host.SendAsync("eve@sender.test", ["out"], Message)).Ok);
        host.World.Answer = to => RemoteWorld.Fail(to) with { Status = "5.2.2" };
        await host.SubmitAsync(ann, MailParameters.None, ("full@remote.test", DsnNotify.Undeclared));
        await host.WorkAsync();
        Assert.Empty(await host.Delivery.Suppressions.ListAsync());
    }
}
