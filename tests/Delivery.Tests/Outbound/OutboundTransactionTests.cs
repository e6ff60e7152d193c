using System.Text;
using Posthorn.Core;
using Xunit;
using static Posthorn.Delivery.Tests.OutboundHouse;
using static Posthorn.Delivery.Tests.OutboundRouteTests;

namespace Posthorn.Delivery.Tests;

public sealed class OutboundTransactionTests
{
    [Fact]
    public async Task A_message_arrives_octet_for_octet()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        const string Text = "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n.\r\n\r\nend.\r\n";
        var result = Assert.Single(await house.SendAsync(Message(["r@a.test"], Text)));
        Assert.Equal(new OutboundResult(EmailAddress.Parse("r@a.test"), OutboundOutcome.Delivered, "2.0.0", "250 2.0.0 taken", "mx1.test"), result);
        Assert.Equal([Text], server.Messages);
        Assert.Equal(
            ["EHLO me.test", $"MAIL FROM:<s@me.test> SIZE={Text.Length}", "RCPT TO:<r@a.test>", "DATA"], server.Only.Commands);
    }

    [Fact]
    public async Task A_report_has_the_null_path_and_a_server_of_few_words_gets_few()
    {
        await using var server = new ScriptedServer { Extensions = [] };
        await using var house = new OutboundHouse(server.Port);
        await house.SendAsync(Message(["r@a.test"], from: null, eightBit: true));
        Assert.Equal(["EHLO me.test", "MAIL FROM:<>", "RCPT TO:<r@a.test>", "DATA"], server.Only.Commands);
        Assert.Single(server.Messages);
    }

    [Fact]
    public async Task A_server_without_ehlo_hears_helo()
    {
        await using var server = new ScriptedServer { Answer = Only("EHLO", "502 what?") };
        await using var house = new OutboundHouse(server.Port);
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.Equal(["EHLO me.test", "HELO me.test", "MAIL FROM:<s@me.test>", "RCPT TO:<r@a.test>", "DATA"], server.Only.Commands);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_recipient_has_an_answer_of_its_own(bool pipelining)
    {
        await using var server = new ScriptedServer
        {
            Extensions = pipelining ? ["PIPELINING"] : [],
            Answer = command => command switch
            {
                "RCPT TO:<b@a.test>" => "550-5.1.1 The account\r\n550 5.1.1 does not exist",
                "RCPT TO:<c@a.test>" => "452 full",
                "RCPT TO:<d@a.test>" => "251 forwarded",
                _ => null,
            },
        };
        await using var house = new OutboundHouse(server.Port);
        var results = await house.SendAsync(Message(["a@a.test", "b@a.test", "c@a.test", "d@a.test"]));
        Assert.Equal(
            ["Delivered 2.0.0 250 2.0.0 taken", "Failed 5.1.1 550 5.1.1 The account does not exist", "Deferred 4.3.1 452 4.3.1 full",
                "Delivered 2.0.0 250 2.0.0 taken"],
            results.Select(r => $"{r.Outcome} {r.Status} {r.Reply}"));
        Assert.Single(server.Messages);
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 0)]
    [InlineData(true, 354)]
    public async Task Nothing_is_sent_when_nobody_is_accepted(bool pipelining, int data)
    {
        await using var server = new ScriptedServer
        {
            Extensions = pipelining ? ["PIPELINING"] : [],
            Answer = command => command[0] switch
            {
                'R' when command.StartsWith("RCPT", StringComparison.Ordinal) => "550 5.1.1 nobody",
                'D' => data == 0 ? "554 5.5.1 no recipients" : null,
                '.' => "554 5.5.1 no recipients",
                _ => null,
            },
        };
        await using var house = new OutboundHouse(server.Port);
        var result = await house.SendAsync();
        Assert.Equal((OutboundOutcome.Failed, "550 5.1.1 nobody"), (result.Outcome, result.Reply));
        Assert.Equal(data == 0 ? [] : [""], server.Messages); // RFC 2920 §3.1
        await house.SendAsync();
        Assert.Single(server.Only.Said("RSET"));
    }

    [Fact]
    public async Task Mail_refused_inside_a_pipeline_leaves_the_session_in_step()
    {
        var refuse = true;
        await using var server = new ScriptedServer
        {
            Answer = command => refuse && !command.StartsWith("EHLO", StringComparison.Ordinal) && command != "."
                ? command.StartsWith("MAIL", StringComparison.Ordinal) ? "550 5.7.1 not you" : "503 5.5.1 MAIL first" : null,
        };
        await using var house = new OutboundHouse(server.Port);
        Assert.Equal("550 5.7.1 not you", (await house.SendAsync()).Reply);
        refuse = false;
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.Single(server.Conversations);
    }

    [Fact]
    public async Task A_message_over_the_announced_size_is_not_even_begun()
    {
        await using var server = new ScriptedServer { Extensions = ["SIZE 100"] };
        await using var house = new OutboundHouse(server.Port);
        var result = Assert.Single(await house.SendAsync(Message(["r@a.test"], new string('x', 101))));
        Assert.Equal((OutboundOutcome.Failed, "5.3.4", "mx1.test"), (result.Outcome, result.Status, result.RemoteMta));
        Assert.Empty(server.Only.Said("MAIL"));
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        server.Extensions = ["SIZE 0"]; // RFC 1870 §4: no limit
        await using var other = new OutboundHouse(server.Port);
        Assert.Equal(OutboundOutcome.Delivered, (await other.SendAsync(Message(["r@a.test"], new string('x', 101))))[0].Outcome);
    }

    [Fact]
    public async Task Eight_bits_are_declared_where_they_can_be()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        await house.SendAsync(Message(["r@a.test"], "Subject: x\r\n\r\nä\r\n", eightBit: true));
        Assert.EndsWith(" BODY=8BITMIME", server.Only.Said("MAIL")[0], StringComparison.Ordinal);
        Assert.Equal("Subject: x\r\n\r\nä\r\n", server.Messages[0]);
    }

    [Fact]
    public async Task Binary_mail_is_not_sent_as_lines()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        var binary = new MailParameters { Body = BodyType.BinaryMime };
        var result = (await house.SendAsync(Message(["r@a.test"], "Subject: x\r\n\r\n\0\n") with { Parameters = binary }))[0];
        Assert.Equal((OutboundOutcome.Failed, "5.6.3"), (result.Outcome, result.Status));
        Assert.Empty(server.Only.Said("MAIL"));
    }

    [Fact]
    public async Task International_mail_goes_only_to_servers_that_can_take_it()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        await house.SendAsync(Message(["r@a.test"], utf8: true));
        await house.SendAsync(Message(["jürgen@a.test"]));
        Assert.All(server.Only.Said("MAIL"), command => Assert.EndsWith(" SMTPUTF8", command, StringComparison.Ordinal));
        Assert.Contains("RCPT TO:<jürgen@a.test>", server.Only.Commands);

        server.Extensions = ["PIPELINING"];
        await using var other = new OutboundHouse(server.Port);
        Assert.Equal("5.6.7", (await other.SendAsync(Message(["r@a.test"], utf8: true)))[0].Status);
        Assert.Equal("5.6.7", (await other.SendAsync(Message(["r@a.test"], from: "jürgen@me.test")))[0].Status);
        var mixed = await other.SendAsync(Message(["jürgen@a.test", "r@a.test"]));
        Assert.Equal(["5.6.7", "2.0.0"], mixed.Select(r => r.Status));
    }

    [Fact]
    public async Task More_recipients_than_a_transaction_takes_need_more_transactions()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        var recipients = Enumerable.Range(0, 250).Select(i => $"r{i}@a.test").ToArray();
        var results = await house.SendAsync(Message(recipients));
        Assert.Equal(recipients, results.Select(r => r.Recipient.ToString()));
        Assert.All(results, r => Assert.Equal(OutboundOutcome.Delivered, r.Outcome));
        Assert.Equal(3, server.Messages.Length);
        Assert.Single(server.Conversations);
    }

    [Fact]
    public async Task What_a_server_took_before_it_left_stays_delivered()
    {
        var transactions = 0;
        await using var server = new ScriptedServer
        {
            Answer = command => command.StartsWith("MAIL", StringComparison.Ordinal) && Interlocked.Increment(ref transactions) == 2 ? "" : null,
        };
        await using var house = new OutboundHouse(server.Port);
        var results = await house.SendAsync(Message([.. Enumerable.Range(0, 150).Select(i => $"r{i}@a.test")]));
        Assert.Equal(100, results.Count(r => r.Outcome == OutboundOutcome.Delivered));
        Assert.All(results.Skip(100), r => Assert.Equal((OutboundOutcome.Deferred, "4.4.2"), (r.Outcome, r.Status)));
    }

    [Fact]
    public async Task A_message_that_breaks_off_here_is_never_ended_there()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        var message = Message(["r@a.test"]) with { OpenAsync = _ => new(new BreakingStream()) };
        var result = Assert.Single(await house.SendAsync(message));
        Assert.Equal((OutboundOutcome.Deferred, "4.3.0"), (result.Outcome, result.Status));
        await server.Only.Done;
        Assert.Empty(server.Messages);
    }

    [Fact]
    public async Task A_cancelled_attempt_ends_nothing()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        using var cancel = new CancellationTokenSource();
        var message = Message(["r@a.test"]) with
        {
            OpenAsync = async ct =>
            {
                await cancel.CancelAsync();
                return new MemoryStream("x\r\n"u8.ToArray());
            },
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => house.SendAsync(message, cancel.Token));
        await server.Only.Done;
        Assert.Empty(server.Messages);
    }

    private sealed class BreakingStream : MemoryStream
    {
        private bool _given;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_given) throw new IOException("the disk is gone");
            _given = true;
            return new(Encoding.ASCII.GetBytes("Subject: half\r\n", buffer.Span));
        }
    }
}
