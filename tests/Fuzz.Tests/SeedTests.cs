using Xunit;

namespace Posthorn.Fuzz.Tests;

/// <summary>What the fuzzer has found or reached stays found and reached: every seed runs again with every build.</summary>
public sealed class SeedTests
{
    public static TheoryData<string> Targets => [.. Target.All.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_seed_of_a_target_passes(string name)
    {
        var target = Target.All.Single(t => t.Name == name);
        var seeds = target.Seeds(Places.Seeds).ToList();
        Assert.NotEmpty(seeds);
        var failures = seeds.Select(s => (s.Name, Finding: Finding.Try(target, s.Octets))).Where(s => s.Finding is not null)
            .Select(s => $"{s.Name}: {s.Finding!.Report}").ToList();
        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_strict_prefix_of_a_named_seed_passes(string name)
    {
        var target = Target.All.Single(t => t.Name == name);
        foreach (var (seed, octets) in target.Seeds(Places.Seeds).Where(s => s.Octets.Length < 400 && s.Name != Finding.NameOf(s.Octets)))
        {
            for (var length = 0; length < octets.Length; length++)
            {
                var finding = Finding.Try(target, octets[..length]);
                Assert.True(finding is null, $"the first {length} octets of {seed}: {finding?.Report}");
            }
        }
    }

    [Fact]
    public void Every_folder_of_seeds_has_its_target()
    {
        var folders = Directory.EnumerateDirectories(Places.Seeds).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        Assert.Equal(Target.All.Select(t => t.Name).Order(StringComparer.Ordinal), folders);
    }
}
