using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Posthorn.Fuzz;

/// <summary>Where things are. The program runs from a folder inside the repository, whichever that is.</summary>
internal static class Places
{
    /// <summary>Beside the assemblies: what "instrument lines" counts.</summary>
    public const string Points = "points.tsv";

    public static readonly string Root = FindRoot();

    public static readonly string Seeds = Path.Combine(Root, "fuzz", "seeds");

    public static string Findings(Target target) => Path.Combine(Root, "fuzz", "findings", target.Name);

    public static string Current(Target target) => Path.Combine(Root, "artifacts", $"fuzz-{target.Name}.current");

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Posthorn.slnx")))
            directory = directory.Parent ?? throw new InvalidOperationException("Posthorn.slnx stands in no folder above this program.");
        return directory.FullName;
    }
}

/// <summary>One run of a target from the command line.</summary>
internal sealed class Run
{
    private readonly Target _target;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly TimeSpan _time = TimeSpan.FromSeconds(60);
    private readonly int _seed = Random.Shared.Next();
    private readonly bool _keep;
    private readonly bool _seeds = true;

    public Run(Target target, ReadOnlySpan<string> options)
    {
        _target = target;
        for (; options.Length > 0; options = options[1..])
        {
            switch (options)
            {
                case ["--seconds", var seconds, ..]: _time = TimeSpan.FromSeconds(Number(seconds)); options = options[1..]; break;
                case ["--seed", var seed, ..]: _seed = Number(seed); options = options[1..]; break;
                case ["--keep", ..]: _keep = true; break;
                case ["--no-seeds", ..]: _seeds = false; break;
                default: throw new ArgumentException($"'{options[0]}' is no option of run");
            }
        }
    }

    /// <returns>The exit status: 0 when nothing was found.</returns>
    public int Execute()
    {
        Console.WriteLine(Line($"{_target.Name}: {_time.TotalSeconds} s with seed {_seed}"));
        using var current = new CurrentInput(Places.Current(_target));
        var fuzzer = new Fuzzer(_target, _seed, new EdgeMap(), current);
        var seeds = _seeds ? _target.Seeds(Places.Seeds).ToList() : [];
        var finding = fuzzer.Replay(seeds.Select(s => s.Octets));
        if (finding is not null) return Found(finding, fuzzer, "a seed fails");
        Console.WriteLine(Line($"{seeds.Count} seeds reach {fuzzer.Edges} edges"));
        finding = fuzzer.Search(_time, () => Progress(fuzzer));
        if (finding is not null) return Found(finding, fuzzer, "found");
        Progress(fuzzer);
        if (_keep) Keep(fuzzer, seeds);
        Console.WriteLine(Line($"{_target.Name}: nothing found in {fuzzer.Executions} executions"));
        return 0;
    }

    private static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number : throw new ArgumentException($"'{text}' is no number");

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Progress(Fuzzer fuzzer)
    {
        var seconds = _clock.Elapsed.TotalSeconds;
        var (runs, edges, kept) = (fuzzer.Executions, fuzzer.Edges, fuzzer.Kept.Count);
        Console.WriteLine(Line($"{seconds,6:F0} s {runs,11} executions {runs / seconds,8:F0}/s {edges,6} edges {kept,6} inputs kept"));
    }

    private int Found(Finding finding, Fuzzer fuzzer, string how)
    {
        Console.WriteLine(Line($"{_target.Name}: {how} after {_clock.Elapsed.TotalSeconds:F1} s and {fuzzer.Executions} executions: {finding.Key}"));
        var small = finding.Minimise(_target);
        Console.WriteLine(small.Report);
        Console.WriteLine($"input: {Oracle.Shown(Encoding.Latin1.GetString(small.Input))}");
        Console.WriteLine($"saved: {small.Save(Places.Findings(_target))}");
        return 1;
    }

    // Seeds with a name that a person gave stay; the others are chosen anew.
    private void Keep(Fuzzer fuzzer, List<(string Name, byte[] Octets)> seeds)
    {
        var named = seeds.Where(s => s.Name != Finding.NameOf(s.Octets)).Select(s => s.Octets).ToList();
        var chosen = fuzzer.Reduce(named);
        var folder = Path.Combine(Places.Seeds, _target.Name);
        System.IO.Directory.CreateDirectory(folder);
        foreach (var (name, octets) in seeds)
        {
            if (name == Finding.NameOf(octets)) File.Delete(Path.Combine(folder, name));
        }
        foreach (var octets in chosen) File.WriteAllBytes(Path.Combine(folder, Finding.NameOf(octets)), octets);
        Console.WriteLine(Line($"{_target.Name}: {named.Count} named seeds and {chosen.Count} others kept"));
    }
}
