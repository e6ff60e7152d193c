using System.Text;
using Posthorn.Core;
using Xunit;
using static Posthorn.Delivery.Tests.OutboundHouse;
using static Posthorn.Delivery.Tests.OutboundRouteTests;

namespace Posthorn.Delivery.Tests;

/// <summary>What MAIL and RCPT asked for, on its further way.</summary>
public sealed class OutboundParametersTests
{
    private static readonly EmailAddress Recipient = EmailAddress.Parse("r@a.test");

    [Fact]
    public async Task What_was_asked_for_is_passed_on_to_a_server_that_offers_it()
    {
        await using var server = new ScriptedServer { Extensions = ["PIPELINING", "DSN", "DELIVERBY", "MT-PRIORITY"] };
        await using var house = new OutboundHouse(server.Port);
        var by = new DeliverBy(TimeProvider.System.GetUtcNow() + TimeSpan.FromHours(1), Returns: false, Trace: true);
        var result = Assert.Single(await house.SendAsync(Message(["r@a.test"]) with
        {
            Parameters = new MailParameters { EnvelopeId = "QQ 3+1", Return = DsnReturn.Headers, By = by, Priority = -3 },
            RecipientParameters = new Dictionary<EmailAddress, RcptParameters>
            {
                [Recipient] = new() { Notify = DsnNotify.Success | DsnNotify.Delay, OriginalRecipient = "rfc822;a+b@else.test" },
            },
        }));
        Assert.Equal((OutboundOutcome.Delivered, PeerDuties.Dsn | PeerDuties.DeliverBy), (result.Outcome, result.Duties));
        Assert.Matches(
            @"^MAIL FROM:<s@me\.test> RET=HDRS ENVID=QQ\+203\+2B1 BY=3(599|600|598);NT MT-PRIORITY=-3$", Assert.Single(server.Only.Said("MAIL")));
        Assert.Equal(["RCPT TO:<r@a.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@else.test"], server.Only.Said("RCPT"));
    }

    [Fact]
    public async Task A_server_that_offers_nothing_of_it_hears_nothing_of_it()
    {
        await using var server = new ScriptedServer { Extensions = [] };
        await using var house = new OutboundHouse(server.Port);
        var result = Assert.Single(await house.SendAsync(Message(["r@a.test"]) with
        {
            Parameters = new MailParameters { EnvelopeId = "Q", Return = DsnReturn.Full, Priority = 3 },
            RecipientParameters = new Dictionary<EmailAddress, RcptParameters> { [Recipient] = new() { Notify = DsnNotify.Never } },
        }));
        Assert.Equal((OutboundOutcome.Delivered, PeerDuties.None), (result.Outcome, result.Duties));
        Assert.Equal(["MAIL FROM:<s@me.test>"], server.Only.Said("MAIL"));
        Assert.Equal(["RCPT TO:<r@a.test>"], server.Only.Said("RCPT"));
    }

    [Theory]
    [InlineData("BINARYMIME", "5.6.3")]
    [InlineData("DELIVERBY", "5.4.7")]
    [InlineData("REQUIRETLS", "5.7.30")]
    public async Task A_server_that_cannot_do_what_the_message_needs_does_not_get_it(string missing, string status)
    {
        var parameters = missing switch
        {
            "BINARYMIME" => new MailParameters { Body = BodyType.BinaryMime },
            "DELIVERBY" => new MailParameters { By = new DeliverBy(TimeProvider.System.GetUtcNow() + TimeSpan.FromHours(1), true, false) },
            _ => MailParameters.None,
        };
        await using var server = new ScriptedServer { Extensions = ["CHUNKING"] };
        await using var house = new OutboundHouse(server.Port);
        var result = Assert.Single(await house.SendAsync(Message(["r@a.test"]) with
        {
            Parameters = parameters,
            RequireTls = missing == "REQUIRETLS",
        }));
        Assert.Equal((OutboundOutcome.Failed, status), (result.Outcome, result.Status));
        Assert.Empty(server.Only.Said("MAIL"));
    }

    [Fact]
    public async Task A_server_that_cannot_be_fast_enough_does_not_get_what_must_not_be_late()
    {
        await using var server = new ScriptedServer { Extensions = ["DELIVERBY 7200"] };
        await using var house = new OutboundHouse(server.Port);
        var by = new DeliverBy(TimeProvider.System.GetUtcNow() + TimeSpan.FromHours(1), Returns: true, Trace: false);
        var message = Message(["r@a.test"]) with { Parameters = new MailParameters { By = by } };
        Assert.Equal("5.4.7", Assert.Single(await house.SendAsync(message)).Status);
    }

    [Theory]
    [InlineData(true, 10)]
    [InlineData(false, 10)]
    [InlineData(true, 700_000)]
    [InlineData(false, 200_000)]
    public async Task In_chunks_a_message_arrives_octet_for_octet_and_dots_are_dots(bool pipelining, int length)
    {
        await using var server = new ScriptedServer { Extensions = pipelining ? ["CHUNKING", "PIPELINING"] : ["CHUNKING"] };
        await using var house = new OutboundHouse(server.Port);
        var text = new StringBuilder("Subject: dots\r\n\r\n.\r\n..\r\n");
        while (text.Length < length) text.Append(".A line of a long message.\r\n");
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(OutboundOutcome.Delivered, Assert.Single(await house.SendAsync(Message(["r@a.test"], text.ToString()))).Outcome);
        }
        Assert.Equal([text.ToString(), text.ToString()], server.Messages);
        Assert.Empty(server.Only.Said("DATA"));
        Assert.Empty(server.Only.Said("RSET"));
    }

    [Fact]
    public async Task Binary_goes_as_it_is()
    {
        await using var server = new ScriptedServer { Extensions = ["CHUNKING", "BINARYMIME"] };
        await using var house = new OutboundHouse(server.Port);
        const string Text = "Subject: x\r\n\r\na\0b\rc\nd";
        await house.SendAsync(Message(["r@a.test"], Text) with { Parameters = new MailParameters { Body = BodyType.BinaryMime } });
        Assert.Equal([Text], server.Messages);
        Assert.Equal(["MAIL FROM:<s@me.test> BODY=BINARYMIME"], server.Only.Said("MAIL"));
    }

    [Fact]
    public async Task A_chunk_that_is_refused_is_the_answer_and_nothing_follows_over_that_connection()
    {
        await using var server = new ScriptedServer { Extensions = ["CHUNKING", "PIPELINING"], Answer = Only("BDAT", "552 5.3.4 too much") };
        await using var house = new OutboundHouse(server.Port);
        var result = Assert.Single(await house.SendAsync(Message(["r@a.test"], "Subject: x\r\n\r\n" + new string('x', 300_000))));
        Assert.Equal((OutboundOutcome.Failed, "5.3.4"), (result.Outcome, result.Status));
        Assert.Equal(OutboundOutcome.Failed, (await house.SendAsync()).Outcome);
        Assert.Equal(2, server.Conversations.Count);
    }

    [Fact]
    public async Task A_server_that_limits_recipients_and_messages_gets_no_more()
    {
        await using var server = new ScriptedServer { Extensions = ["PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=2"] };
        await using var house = new OutboundHouse(server.Port);
        var results = await house.SendAsync(Message(["a@a.test", "b@a.test", "c@a.test", "d@a.test", "e@a.test"]));
        Assert.All(results, result => Assert.Equal(OutboundOutcome.Delivered, result.Outcome));
        Assert.Equal([2, 1], server.Conversations.Select(conversation => conversation.Said("MAIL").Length));
        Assert.Equal([4, 1], server.Conversations.Select(conversation => conversation.Said("RCPT").Length));
    }

    [Fact]
    public async Task Over_LMTP_each_recipient_has_an_answer_behind_the_message()
    {
        var ends = 0;
        await using var server = new ScriptedServer
        {
            Extensions = ["PIPELINING", "ENHANCEDSTATUSCODES"],
            Answer = command => command switch
            {
                "LHLO me.test" => "250-mx.test\r\n250 PIPELINING",
                "EHLO me.test" => "500 5.5.1 this is LMTP",
                "RCPT TO:<b@a.test>" => "550 5.1.1 unknown",
                "." => ends++ == 0 ? "250 2.0.0 stored\r\n452 4.2.2 full" : null,
                _ => null,
            },
        };
        await using var house = new OutboundHouse(25, "lmtp.test. A 127.0.0.1");
        var hop = new NextHop { Host = "lmtp.test", Port = server.Port, IsLmtp = true, Security = HopSecurity.None };
        var results = await house.SendAsync(Message(["a@a.test", "b@a.test", "c@a.test"]) with { Hop = hop });
        Assert.Equal(
            [OutboundOutcome.Delivered, OutboundOutcome.Failed, OutboundOutcome.Deferred], results.Select(result => result.Outcome));
        Assert.Equal(["2.0.0", "5.1.1", "4.2.2"], results.Select(result => result.Status));
    }
}
