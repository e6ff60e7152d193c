using System.Runtime.InteropServices;

namespace Posthorn.Bench;

/// <summary>One run of a mode: its targets, its options, where the figures go.</summary>
internal sealed partial class Run : IDisposable
{
    private readonly Results _results;

    public Run(Options options, string bench)
    {
        Options = options;
        var data = Environment.GetEnvironmentVariable("BENCH_DATA") is { Length: > 0 } named ? named : "/var/tmp/posthorn-bench";
        if (new DriveInfo(Directory.CreateDirectory(data).FullName).DriveFormat is "tmpfs" or "ramfs")
            throw new UsageException($"{data} is in memory: durable figures need a disk (set BENCH_DATA)");
        Targets = options.Targets.Select<string, Target>(name => name switch
        {
            "peer" => new PeerTarget(bench, data),
            "posthorn" => new PosthornTarget(Path.GetDirectoryName(bench)!, data),
            _ => throw new UsageException($"no target {name}: peer, posthorn"),
        }).ToArray();
        var mode = options.Filled > 0 ? options.Mode + "-filled" : options.Mode;
        _results = new Results(options.Results.Length > 0 ? options.Results : Path.Combine(bench, "results"), mode, Targets);
    }

    public Options Options { get; }
    public IReadOnlyList<Target> Targets { get; }

    /// <summary>Calls <paramref name="measure"/> for each pair and target; every second pair turns the order round.</summary>
    public void Alternate(Action<Target, int> measure)
    {
        for (int pair = 1; pair <= Options.Pairs; pair++)
        {
            foreach (var target in pair % 2 == 1 ? Targets : Targets.Reverse())
                measure(target, pair);
        }
    }

    public void Write(Figure figure) => _results.Write(figure);

    /// <summary>Lets the disk finish what an earlier measurement left to it.</summary>
    public static void Settle()
    {
        Sync();
        Thread.Sleep(200);
    }

    public void Dispose()
    {
        foreach (var target in Targets)
            target.Dispose();
        _results.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "sync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Sync();
}
