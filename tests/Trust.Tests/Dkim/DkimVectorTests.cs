using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Posthorn.Trust.Tests;

/// <summary>The published messages and keys of dkimpy, Exim and RFC 8463.</summary>
public sealed class DkimVectorTests
{
    // The key that mail from this provider was signed with in 2013.
    private const string GmailKey =
        "k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1Kd87/UeJjenpabgbFwh+eBCsSTrqmwIYYvywlbhbqoo2DymndFkbjOVIPIldNs/m40KF+yzMn1s" +
        "kyoxcTUGCQs8g3FgD2Ap3ZB5DekAo5wMmk4wimDO+U8QzI3SD07y2+07wlNWwIt8svnxgdxGkVbbhzY8i+RQ9DpSVpPbF7ykQxtKXkv/ahW3KjViiAH+ghvvIhkx4xYS" +
        "Ic9oSwVmAl5OctMEeWUwg8Istjqz8BZeTWbf41fbNhte7Y+YqZOwq1Sd0DbvYAD9NOZK9vlfuac0598HY+vtSBczUiKERHv1yRbcaQtZFh5wtiRrN04BLUTD21MycBX5" +
        "jYchHjPY/wIDAQAB";

    [Fact]
    public async Task The_message_of_rfc_8463_verifies_with_both_algorithms()
    {
        // The key of RFC 8463 appendix A.2.
        var verdicts = await CheckAsync("dkim/rfc6376.signed.msg",
            ("brisbane._domainkey.football.example.com", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
            ("test._domainkey.football.example.com", Messages.Text("dkim/test.txt")));
        Assert.Equal([AuthResult.Pass, AuthResult.Pass], verdicts.Select(verdict => verdict.Result));
        Assert.Equal(["ed25519-sha256", "rsa-sha256"], verdicts.Select(verdict => verdict.Algorithm));
        Assert.Equal([256, 1024], verdicts.Select(verdict => verdict.KeyBits));
    }

    [Fact]
    public async Task A_message_of_Exim_verifies()
    {
        var verdict = Assert.Single(await CheckAsync("dkim/ed25519test2.msg", ("sed._domainkey.test.ex", Messages.Text("dkim/eximtest.dns"))));
        Assert.True(verdict.Result == AuthResult.Pass, verdict.Evidence);
    }

    [Fact]
    public async Task Degenerate_folding_is_legal()
    {
        await using var zone = new ZoneFile($"20120113._domainkey.gmail.com. TXT {Quoted(GmailKey)}\n");
        var verdicts = await new MailVerifier(zone.Resolver, "mx.example.net", TimeProvider.System).CheckAsync(Messages.Read("dkim/test2.message"));
        var verdict = Assert.Single(verdicts.Dkim);
        Assert.True(verdict.Result == AuthResult.Pass, verdict.Evidence);
    }

    [Theory]
    [InlineData("dkim/badk.txt")]
    [InlineData("dkim/badversion.txt")]
    [InlineData("dkim/test_bad.txt")]
    public async Task A_record_that_is_no_key_is_a_permanent_error(string key)
    {
        var verdicts = await CheckAsync("dkim/rfc6376.signed.msg", ("test._domainkey.football.example.com", Messages.Text(key)));
        Assert.Equal(AuthResult.PermError, verdicts[1].Result);
    }

    private static async Task<IReadOnlyList<DkimVerdict>> CheckAsync(string message, params (string Name, string Record)[] keys)
    {
        await using var zone = new ZoneFile(string.Concat(keys.Select(key => $"{key.Name}. TXT {Quoted(key.Record)}\n")));
        var verifier = new MailVerifier(zone.Resolver, "mx.example.net", new FakeTimeProvider(new(2018, 6, 3, 0, 0, 0, TimeSpan.Zero)));
        return (await verifier.CheckAsync(Messages.Read(message))).Dkim;
    }

    private static string Quoted(string text) => string.Join(' ', text.Chunk(200).Select(part => $"\"{new string(part)}\""));
}
