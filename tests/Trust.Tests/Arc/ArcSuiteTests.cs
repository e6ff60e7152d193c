using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class ArcSuiteTests
{
    private static readonly Dictionary<string, (string Message, string Chain, Dictionary<string, object> Keys)> All = Load();

    public static TheoryData<string> Cases => [.. All.Keys];

    [Fact]
    public void The_suite_is_whole() => Assert.Equal(127, All.Count);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_published_suite_agrees(string name)
    {
        var (message, chain, keys) = All[name];
        var zone = new SuiteResolver();
        foreach (var (owner, key) in keys) zone.Add(owner, [("TXT", key)]);
        var verdict = (await new MailVerifier(zone, "mx.example.net", TimeProvider.System).CheckAsync(Messages.Wire(message))).Arc!;
        // Where the suite says nothing, the chain says of itself that it is broken: RFC 8617 §5.2 step 2 came after it.
        Assert.True(verdict.Result.Keyword() == (chain.Length == 0 ? "fail" : chain), $"{verdict.Result}, not {chain}: {verdict.Evidence}");
        Assert.Equal(verdict.Result == AuthResult.Pass ? verdict.Instances : 0, verdict.Seals.Count);
    }

    private static Dictionary<string, (string, string, Dictionary<string, object>)> Load()
    {
        var all = new Dictionary<string, (string, string, Dictionary<string, object>)>(StringComparer.Ordinal);
        foreach (var document in Yaml.Documents("arc/validation.yml"))
        {
            var keys = document["txt-records"] as Dictionary<string, object> ?? [];
            foreach (var (name, value) in (Dictionary<string, object>)document["tests"])
            {
                var one = (Dictionary<string, object>)value;
                all.Add($"{document["description"]}: {name}", ((string)one["message"], ((string)one["cv"]).ToLowerInvariant(), keys));
            }
        }
        return all;
    }
}
