using System.Net;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class SpfSuiteTests
{
    public static TheoryData<string> Cases => [.. SpfCase.All.Keys];

    [Fact]
    public void The_suite_is_whole() => Assert.Equal(203, SpfCase.All.Count);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_published_suite_agrees(string name)
    {
        var one = SpfCase.All[name];
        var verifier = new SpfVerifier(one.Zone, "receiver.example", TimeProvider.System);
        var verdict = await verifier.MailFromAsync(IPAddress.Parse(one.Host), one.Helo, one.MailFrom, TestContext.Current.CancellationToken);
        Assert.True(one.Results.Contains(verdict.Result.Keyword()), $"{one.Section}: {verdict}, not {string.Join(" or ", one.Results)}");
        if (one.Explanation is not null) Assert.Equal(one.Explanation, verdict.Explanation ?? "DEFAULT");
    }
}
