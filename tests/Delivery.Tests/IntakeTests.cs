using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Store;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class IntakeTests
{
    private const string Message = "From: Eve <eve@remote.test>\r\nTo: ann@example.test\r\nSubject: Hello\r\n\r\nA line.\r\n";

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_message_is_in_the_mailbox_when_it_is_acknowledged(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        var receipt = (await host.SendAsync("eve@remote.test", ["ann+news"], Message)).Require();
        await host.CrashAsync();
        var text = Assert.Single(await host.InboxAsync(ann));
        Assert.Equal(
            "Return-Path: <eve@remote.test>\r\nDelivered-To: ann@example.test\r\n"
            + "Received: from client.example.net ([192.0.2.7])\r\n\tby mx.example.test with ESMTP\r\n"
            + $"\tid {receipt.Id}\r\n\tfor <ann+news@example.test>;\r\n\tWed, 25 Nov 2026 10:00:00 +0000\r\n" + Message,
            text);
        Assert.Equal(Message.Length, receipt.SizeBytes);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Nobody_relays_but_who_is_logged_in(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await host.AliasAsync("team", "ann", "bob@remote.test");
        async Task<string> AskAsync(string address, Posthorn.Directory.Identity? submitter) =>
            (await host.Intake.RecipientAsync(DeliveryHost.At(address), submitter)).Refusal?.Kind.ToString() ?? "yes";
        Assert.Equal("Forbidden", await AskAsync("bob@remote.test", null));
        Assert.Equal("yes", await AskAsync("bob@remote.test", ann));
        Assert.Equal("yes", await AskAsync("team", null));
        Assert.Equal("NotFound", await AskAsync("nobody", null));
        Assert.Equal("NotFound", await AskAsync("nobody", ann));
        Assert.Null(await host.Intake.SenderAsync(ReversePath.Null, ann));
        Assert.Null(await host.Intake.SenderAsync(new(DeliveryHost.At("ann+x")), ann));
        Assert.Equal(RefusalKind.Forbidden, (await host.Intake.SenderAsync(new(DeliveryHost.At("bob")), ann))!.Kind);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_mailbox_that_becomes_full_is_told_at_the_next_rcpt(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann", quotaMessages: 2);
        Assert.True(await TakesAsync());
        Assert.True((await host.SendAsync("bob", ["ann"], Message)).Ok);
        Assert.True(await TakesAsync());
        Assert.True((await host.SendAsync("bob", ["ann"], Message)).Ok);
        Assert.False(await TakesAsync());

        await host.Store.SetQuotaAsync(ann.Account, null, null);
        Assert.True(await TakesAsync());
        await host.Store.SetQuotaAsync(ann.Account, 1, null);
        Assert.False(await TakesAsync());

        async Task<bool> TakesAsync() => (await host.Intake.RecipientAsync(DeliveryHost.At("ann"), null)).Ok;
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_full_mailbox_is_told_at_rcpt_and_by_a_report_when_others_take_the_message(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, bob, cid) = (await host.AddAsync("ann"), await host.AddAsync("bob", quotaBytes: 1), await host.AddAsync("cid", quotaMessages: 0));
        Assert.Equal(RefusalKind.OverQuota, (await host.Intake.RecipientAsync(DeliveryHost.At("cid"), null)).Refusal!.Kind);
        Assert.Equal(RefusalKind.OverQuota, (await host.SendAsync("ann", ["bob"], Message)).Refusal!.Kind);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());

        Assert.True((await host.SendAsync("ann", ["ann", "bob"], Message)).Ok);
        Assert.Single(await host.InboxAsync(ann));
        Assert.Equal(1, (await host.RemainsAsync()).Recipients);
        await host.WorkAsync();
        var report = (await host.InboxAsync(ann))[1];
        Assert.Contains("Return-Path: <>\r\n", report, StringComparison.Ordinal);
        Assert.Contains("Final-Recipient: rfc822; bob@example.test\r\nAction: failed\r\nStatus: 5.2.2\r\n", report, StringComparison.Ordinal);
        Assert.Empty(await host.InboxAsync(bob));
        Assert.Empty(await host.InboxAsync(cid));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_submission_is_completed_and_stripped_and_must_be_the_senders_own(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        var sent = await host.SendAsync("ann", ["ann"], "From: ann@example.test\r\nBcc: secret@remote.test\r\nSubject: x\r\n\r\nBody\r\n", ann);
        Assert.True(sent.Ok);
        var text = Assert.Single(await host.InboxAsync(ann));
        Assert.DoesNotContain("Bcc", text, StringComparison.Ordinal);
        Assert.Contains("Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <", text, StringComparison.Ordinal);
        Assert.EndsWith("From: ann@example.test\r\nSubject: x\r\n\r\nBody\r\n", text, StringComparison.Ordinal);

        Assert.Equal(RefusalKind.Invalid, (await host.SendAsync("ann", ["ann"], "Subject: x\r\n\r\nBody\r\n", ann)).Refusal!.Kind);
        Assert.Equal(RefusalKind.Forbidden, (await host.SendAsync("ann", ["ann"], Message, ann)).Refusal!.Kind);
        var endless = "From: ann@example.test\r\n" + string.Concat(Enumerable.Repeat("X-Long: " + new string('x', 70) + "\r\n", 8000)) + "\r\n";
        Assert.Equal(RefusalKind.TooLarge, (await host.SendAsync("ann", ["ann"], endless, ann)).Refusal!.Kind);
    }

    [Theory]
    [InlineData(100, false)]
    [InlineData(DeliveryLimits.MemoryMessageOctetsMax - 1, true)]
    [InlineData(DeliveryLimits.MemoryMessageOctetsMax, true)]
    [InlineData(DeliveryLimits.MemoryMessageOctetsMax + 1, false)]
    [InlineData(700_000, true)]
    public async Task A_message_of_any_size_comes_through_octet_for_octet(int length, bool submitted)
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        var ann = await host.AddAsync("ann");
        var text = new StringBuilder("From: ann@example.test\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <a@b>\r\n\r\n");
        for (var i = 0; text.Length < length - 60; i++) text.Append("line ").Append(i).Append("\r\n");
        var message = text.ToString();
        message += new string('.', length - message.Length - 2) + "\r\n";
        Assert.Equal(length, message.Length);
        var receipt = (await host.SendAsync("ann", ["ann"], message, submitted ? ann : null)).Require();
        Assert.Equal(length, receipt.SizeBytes);
        Assert.EndsWith("+0000\r\n" + message, Assert.Single(await host.InboxAsync(ann)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_message_is_completed_as_a_short_one_is()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        var ann = await host.AddAsync("ann");
        var body = string.Concat(Enumerable.Repeat("0123456789\r\n", 20_000));
        Assert.True((await host.SendAsync("ann", ["ann"], "From: ann@example.test\r\nBcc: x@y.test\r\n\r\n" + body, ann)).Ok);
        var text = Assert.Single(await host.InboxAsync(ann));
        Assert.EndsWith(">\r\nFrom: ann@example.test\r\n\r\n" + body, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(100_000)]
    public async Task A_message_over_the_size_limit_is_refused_and_leaves_nothing(int limit)
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite, settings => settings with { MessageOctetsMax = limit });
        var ann = await host.AddAsync("ann");
        var refused = await host.SendAsync("eve@remote.test", ["ann"], Message + new string('x', limit));
        Assert.Equal(RefusalKind.TooLarge, refused.Refusal!.Kind);
        Assert.Empty(await host.InboxAsync(ann));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_message_that_goes_in_circles_is_refused_or_reported(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, bob) = (await host.AddAsync("ann"), await host.AddAsync("bob"));
        var round = "Received: from a by mx.example.test; x\r\n";
        await host.AddAsync("carl");
        Assert.True((await host.SendAsync("ann", ["carl"], round + Message)).Ok);
        Assert.Equal(RefusalKind.Loop, (await host.SendAsync("ann", ["ann"], round + "Received: by c; x\r\n" + round + Message)).Refusal!.Kind);
        var hops = string.Concat(Enumerable.Repeat("Received: from a by b; x\r\n", DeliveryLimits.HopsMax + 1));
        Assert.Equal(RefusalKind.Loop, (await host.SendAsync("ann", ["ann"], hops + Message)).Refusal!.Kind);
        var back = "Delivered-To: ANN@example.test\r\n" + Message;
        Assert.Equal(RefusalKind.Loop, (await host.SendAsync("bob", ["ann"], back)).Refusal!.Kind);
        Assert.True((await host.SendAsync("bob", ["ann", "bob"], back)).Ok);
        await host.WorkAsync();
        Assert.Empty(await host.InboxAsync(ann));
        Assert.Contains("Status: 5.4.6", (await host.InboxAsync(bob))[1], StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Each_mailbox_gets_one_copy_whoever_leads_there(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, bob) = (await host.AddAsync("ann"), await host.AddAsync("bob"));
        await host.AliasAsync("team", "bob", "ann");
        Assert.True((await host.SendAsync("eve@remote.test", ["team", "ann+x", "bob", "team"], Message)).Ok);
        var text = Assert.Single(await host.InboxAsync(ann));
        Assert.Single(await host.InboxAsync(bob));
        Assert.DoesNotContain("\tfor <", text, StringComparison.Ordinal);
        Assert.Equal(1L, await host.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM blob").Scalar()!.Value));
    }

    [Fact]
    public async Task A_stream_that_breaks_leaves_nothing_behind()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        var ann = await host.AddAsync("ann");
        var envelope = new Envelope(ReversePath.Null, [(await host.Intake.RecipientAsync(DeliveryHost.At("ann"), null)).Require()]);
        foreach (var length in new[] { 10, 100_000 })
        {
            await Assert.ThrowsAsync<IOException>(async () =>
                await host.Intake.AcceptAsync(envelope, new Origin(), new BreakingStream(length, new IOException("gone"))));
            var refusal = new Refusal(RefusalKind.Invalid, "a bare line feed");
            var refused = await host.Intake.AcceptAsync(envelope, new Origin(), new BreakingStream(length, new RefusalException(refusal)));
            Assert.Equal(refusal, refused.Refusal);
        }
        Assert.Equal(RefusalKind.Invalid, (await host.Intake.AcceptAsync(new(ReversePath.Null, []), new Origin(), Stream.Null)).Refusal!.Kind);
        Assert.Empty(await host.InboxAsync(ann));
    }

    [Fact]
    public void Names_of_messages_rise_with_time_and_differ()
    {
        var names = Enumerable.Range(0, 100).Select(i => Letter.NewName(DeliveryHost.Start.AddMilliseconds(i / 10 * 10))).ToList();
        Assert.Equal(100, names.Distinct().Count());
        Assert.All(names, name => Assert.Matches("^[0-9a-z]{16}$", name));
        for (var i = 10; i < 100; i++) Assert.True(string.CompareOrdinal(names[i - 10][..9], names[i][..9]) < 0);
    }

    private sealed class BreakingStream(int length, Exception fault) : MemoryStream(new byte[length])
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await base.ReadAsync(buffer, cancellationToken);
            return read > 0 ? read : throw fault;
        }
    }
}
