using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Posthorn.Dns.Tests;

public sealed class AnswerCacheTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task It_holds_no_more_answers_than_its_limit_and_keeps_those_that_last()
    {
        var cache = new AnswerCache<string>(q => Task.FromResult(Answer(q, octets: 10)), _time);
        for (var i = 1; i <= DnsLimits.CachedAnswersMax + 1; i++) await cache.GetAsync(new Question($"{i}", "TXT"), default);
        Assert.Equal(DnsLimits.CachedAnswersMax / 4 * 3, cache.Count);
        var asked = 0;
        var again = new AnswerCache<string>(
            q =>
            {
                asked++;
                return Task.FromResult(Answer(q, 10));
            },
            _time);
        await again.GetAsync(new Question("5", "TXT"), default);
        await again.GetAsync(new Question("5", "TXT"), default);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task It_holds_no_more_octets_than_its_limit()
    {
        var cache = new AnswerCache<string>(q => Task.FromResult(Answer(q, octets: 65_000)), _time);
        for (var i = 1; i <= 1000; i++) await cache.GetAsync(new Question($"{i}", "TXT"), default);
        Assert.InRange(cache.Count, 1, DnsLimits.CachedOctetsMax / 65_000);
    }

    // The name is the TTL in seconds.
    private static Fetched<string> Answer(Question question, int octets) =>
        new(new DnsAnswer<string>(DnsStatus.Ok, ["x"], TimeSpan.FromSeconds(int.Parse(question.Name))), octets);
}
