using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class ParametersTests
{
    private static readonly MailParameters Everything = new()
    {
        Body = BodyType.EightBitMime,
        Return = DsnReturn.Headers,
        EnvelopeId = "QQ 314",
        RequireTls = true,
        HoldUntil = DeliveryHost.Start + TimeSpan.FromDays(1),
        By = new DeliverBy(DeliveryHost.Start + TimeSpan.FromDays(2), Returns: true, Trace: true),
        Priority = -4,
    };

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_MAIL_and_RCPT_asked_for_stays_in_the_queue(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var wanted = new RcptParameters { Notify = DsnNotify.Success | DsnNotify.Delay, OriginalRecipient = "rfc822;Bob@elsewhere.test" };
        await SendAsync(host, Everything, ("bob@remote.test", wanted), ("eve@remote.test", RcptParameters.None));
        var (message, recipients) = await ReadAsync(host);
        Assert.Equal(Everything, message.Parameters);
        Assert.Equal([wanted, RcptParameters.None], recipients.Select(recipient => recipient.Parameters));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_was_not_asked_for_is_not_there(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        await SendAsync(host, MailParameters.None, ("bob@remote.test", RcptParameters.None));
        var (message, recipients) = await ReadAsync(host);
        Assert.Equal(MailParameters.None, message.Parameters);
        Assert.Same(RcptParameters.None, Assert.Single(recipients).Parameters);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_message_that_is_held_waits_for_its_time_and_lives_from_then_on(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await SendAsync(host, MailParameters.None with { HoldUntil = Everything.HoldUntil }, ("ann@example.test", RcptParameters.None));
        await host.WorkAsync();
        Assert.Empty(await host.InboxAsync(ann));
        var item = Assert.Single(await host.QueuedAsync());
        Assert.Equal((Everything.HoldUntil, Everything.HoldUntil + host.Settings.Lifetime), (item.NextAttempt, item.ExpiresAt));
        await host.WorkAfterAsync(TimeSpan.FromDays(1));
        Assert.Single(await host.InboxAsync(ann));
    }

    private static async Task SendAsync(DeliveryHost host, MailParameters parameters, params (string To, RcptParameters Parameters)[] to)
    {
        var sender = new Identity(new AccountId(1), DeliveryHost.At("ann"), Role.User, "ann");
        var recipients = new List<Recipient>();
        foreach (var (address, wanted) in to)
        {
            recipients.Add((await host.Intake.RecipientAsync(DeliveryHost.At(address), sender)).Require() with { Parameters = wanted });
        }
        var envelope = new Envelope(new ReversePath(DeliveryHost.At("ann")), recipients) { Parameters = parameters };
        var message = new MemoryStream(Encoding.UTF8.GetBytes("From: ann@example.test\r\n\r\nA line.\r\n"));
        (await host.Intake.AcceptAsync(envelope, new Origin { Submitter = sender }, message)).Require();
    }

    private static ValueTask<(QueuedMessage, List<QueuedRecipient>)> ReadAsync(DeliveryHost host) => host.Db.WriteAsync(tx =>
    {
        var ids = new List<long>();
        using (var rows = tx.Prepare("SELECT recipient FROM queue_recipient ORDER BY recipient").Query())
        {
            while (rows.Next()) ids.Add(rows.Int64(0));
        }
        return (QueueTable.ReadMessage(tx, 1), QueueTable.Claim(tx, ids, "one", host.Clock.GetUtcNow()));
    });
}
