using System.Text;
using Xunit;
using static Posthorn.Delivery.Tests.OutboundRouteTests;

namespace Posthorn.Delivery.Tests;

public sealed class OutboundTlsTests
{
    private static readonly byte[] Password = "sécret"u8.ToArray();

    [Fact]
    public async Task Tls_is_used_where_it_is_offered_whatever_the_certificate_says()
    {
        using var certificate = Certificates.SelfSigned("somebody.else");
        await using var server = new ScriptedServer { Certificate = certificate };
        await using var house = new OutboundHouse(server.Port);
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.True(server.Only.IsTls);
        Assert.Equal(["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA"], server.Only.Commands.Select(c => c.Split(' ')[0]));
    }

    [Fact]
    public async Task What_was_said_before_the_handshake_is_forgotten()
    {
        using var certificate = Certificates.SelfSigned("mx1.test");
        await using var server = new ScriptedServer
        {
            Certificate = certificate,
            AfterGoAhead = "250-injected\r\n250 SIZE 1\r\n", // a reply for the EHLO inside TLS, sent in the clear
        };
        await using var house = new OutboundHouse(server.Port);
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.Contains("SIZE=", server.Only.Said("MAIL")[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Broken_tls_is_left_out_over_a_new_connection()
    {
        using var certificate = Certificates.SelfSigned("mx1.test");
        await using var server = new ScriptedServer { Certificate = certificate, BreakTls = true, AfterGoAhead = "no TLS\r\n" };
        await using var house = new OutboundHouse(server.Port);
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.Equal(2, server.Conversations.Count);
        Assert.Empty(server.Conversations.Last().Said("STARTTLS"));
    }

    [Fact]
    public async Task A_server_that_refuses_starttls_gets_the_mail_in_the_clear()
    {
        using var certificate = Certificates.SelfSigned("mx1.test");
        await using var server = new ScriptedServer { Certificate = certificate, Answer = Only("STARTTLS", "454 4.7.0 not now") };
        await using var house = new OutboundHouse(server.Port);
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.False(server.Only.IsTls);
    }

    [Theory]
    [InlineData(true, "AUTH PLAIN LOGIN")]
    [InlineData(false, "AUTH CRAM-MD5 LOGIN")]
    public async Task A_relay_takes_everything_after_a_log_in_over_proven_tls(bool implicitTls, string offer)
    {
        using var certificate = Certificates.Trusted("relay.test");
        await using var server = new ScriptedServer { Certificate = certificate, ImplicitTls = implicitTls, Extensions = [offer, "PIPELINING"] };
        var login = 0;
        server.Answer = command => command switch
        {
            "AUTH LOGIN" => "334 VXNlcm5hbWU6",
            _ when command == Base64("user") && Interlocked.Increment(ref login) == 1 => "334 UGFzc3dvcmQ6",
            _ when command == Base64("sécret") && login == 1 => "235 2.7.0 welcome",
            _ => null,
        };
        await using var house = Relayed(server, implicitTls);
        var result = await house.SendAsync("r@anywhere.test");
        Assert.Equal((OutboundOutcome.Delivered, "relay.test"), (result.Outcome, result.RemoteMta));
        Assert.True(server.Only.IsTls);
        if (implicitTls) Assert.Contains("AUTH PLAIN " + Base64("\0user\0sécret"), server.Only.Commands);
        else Assert.Equal(1, login);
    }

    [Theory]
    [InlineData(true, "relay.test", false, "4.7.5")] // signed by itself
    [InlineData(false, "relay.test", false, "4.7.5")]
    [InlineData(false, "other.test", true, "4.7.5")]
    [InlineData(false, null, false, "4.7.0")] // no TLS at all
    public async Task No_password_goes_to_a_relay_that_has_not_proven_itself(bool implicitTls, string? name, bool trusted, string status)
    {
        using var certificate = name is null ? null : trusted ? Certificates.Trusted(name) : Certificates.SelfSigned(name);
        await using var server = new ScriptedServer { Certificate = certificate, ImplicitTls = implicitTls, Extensions = ["AUTH PLAIN"] };
        await using var house = Relayed(server, implicitTls);
        var result = await house.SendAsync();
        Assert.Equal((OutboundOutcome.Deferred, status), (result.Outcome, result.Status));
        Assert.Empty(server.Conversations.SelectMany(c => c.Said("AUTH")));
        Assert.Empty(server.Messages);
    }

    [Theory]
    [InlineData("AUTH PLAIN", "535 5.7.8 wrong", "4.7.8")]
    [InlineData("AUTH LOGIN", "535 5.7.8 wrong", "4.7.8")]
    [InlineData("AUTH GSSAPI", "", "4.7.4")]
    public async Task Mail_waits_when_the_log_in_fails(string offer, string answer, string status)
    {
        using var certificate = Certificates.Trusted("relay.test");
        await using var server = new ScriptedServer { Certificate = certificate, Extensions = [offer], Answer = Only("AUTH", answer) };
        await using var house = Relayed(server, implicitTls: false);
        var result = await house.SendAsync();
        Assert.Equal((OutboundOutcome.Deferred, status), (result.Outcome, result.Status));
        Assert.DoesNotContain("sécret", result.Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_relay_that_knows_us_by_address_may_stand_anywhere()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(25, "x.test. TXT x", new Relay("127.0.0.1", server.Port, false, null, default));
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        await using var lost = new OutboundHouse(25, "x.test. TXT x", new Relay("gone.test", server.Port, false, null, default));
        Assert.Equal(OutboundOutcome.Deferred, (await lost.SendAsync()).Outcome);
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static OutboundHouse Relayed(ScriptedServer server, bool implicitTls) =>
        new(25, "relay.test. A 127.0.0.1", new Relay("relay.test", server.Port, implicitTls, "user", Password));
}
