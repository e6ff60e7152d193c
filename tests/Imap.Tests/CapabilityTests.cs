namespace Posthorn.Imap.Tests;

/// <summary>What the operator may say about capabilities.</summary>
public sealed class CapabilityTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_that_trips_on_a_capability_is_not_offered_it()
    {
        var settings = new ImapSettings { CapabilitiesOff = [Rule("QRESYNC client=Outlook")] };
        await using var server = await TestServer.StartAsync(Token, settings: settings);
        var client = await server.ClientAsync(Token);
        Assert.Contains(" QRESYNC", Assert.Single(await client.OkAsync("CAPABILITY", Token)), StringComparison.Ordinal);
        await client.OkAsync("ID (\"name\" \"outlook for phones\" \"version\" \"9\")", Token);
        var words = Assert.Single(await client.OkAsync("CAPABILITY", Token)).Split(' ');
        Assert.DoesNotContain("QRESYNC", words);
        Assert.Contains("CONDSTORE", words);
        Assert.Equal("* ENABLED CONDSTORE", Assert.Single(await client.OkAsync("ENABLE QRESYNC CONDSTORE", Token)));
    }

    [Fact]
    public async Task A_capability_can_be_kept_from_one_account()
    {
        List<CapabilityRule> rules = [Rule($"SORT account={TestServer.User}"), Rule("THREAD=REFERENCES account=bob@example.test")];
        await using var server = await TestServer.StartAsync(Token, settings: new ImapSettings { CapabilitiesOff = rules });
        var client = await server.ClientAsync(Token);
        var words = Assert.Single(await client.OkAsync("CAPABILITY", Token)).Split(' ');
        Assert.DoesNotContain("SORT", words);
        Assert.Contains("SORT=DISPLAY", words);
        Assert.Contains("THREAD=REFERENCES", words);
    }

    [Theory]
    [InlineData("")]
    [InlineData("IMAP4rev1")]
    [InlineData("NOSUCH")]
    [InlineData("QRESYNC client=")]
    [InlineData("QRESYNC whoever=x")]
    public void What_is_no_rule_is_refused(string text) => Assert.False(CapabilityRule.TryParse(text, out _));

    [Fact]
    public async Task With_literal_minus_a_large_literal_waits_for_the_go_ahead()
    {
        await using var server = await TestServer.StartAsync(Token, settings: new ImapSettings { LiteralMinus = true });
        var client = await server.ClientAsync(Token);
        var words = Assert.Single(await client.OkAsync("CAPABILITY", Token)).Split(' ');
        Assert.Contains("LITERAL-", words);
        Assert.DoesNotContain("LITERAL+", words);
        var taken = await client.AppendAsync("INBOX", new string('x', ImapLimits.LiteralMinusOctetsMax), Token);
        Assert.StartsWith("OK", taken, StringComparison.Ordinal);
        var refused = await client.AppendAsync("INBOX", new string('x', ImapLimits.LiteralMinusOctetsMax + 1), Token);
        Assert.StartsWith("BAD [TOOBIG]", refused, StringComparison.Ordinal);
        await client.OkAsync("NOOP", Token);
    }

    private static CapabilityRule Rule(string text) => CapabilityRule.TryParse(text, out var rule) ? rule : throw new FormatException(text);
}
