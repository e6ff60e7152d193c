using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Posthorn.Bench;

internal readonly record struct Memory(int Processes, long ResidentKb, long PrivateKb, long ProportionalKb);

/// <summary>
/// The processes of one server: what they have used of the processor, and what they hold in memory. A control group counts the processor
/// time of every process, the exited ones too. Where none can be made, the sum over the process tree stands in, with the waited-for
/// children of each; it misses a process that ends unseen, which the figure's `cpu_by` tells.
/// </summary>
internal sealed class ServerProcesses
{
    private const string GroupV1 = "/sys/fs/cgroup/cpuacct";
    private const string GroupV2 = "/sys/fs/cgroup";
    private readonly string? _group;
    private readonly bool _unified;
    private IReadOnlyList<int> _roots = [];

    public ServerProcesses(string name)
    {
        _unified = File.Exists(Path.Combine(GroupV2, "cgroup.controllers"));
        var group = Path.Combine(_unified ? GroupV2 : GroupV1, "posthorn-bench-" + name);
        try
        {
            Directory.CreateDirectory(group);
            if (File.Exists(Path.Combine(group, "cgroup.procs")) && File.Exists(Path.Combine(group, _unified ? "cpu.stat" : "cpuacct.usage_user")))
                _group = group;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _group = null;
        }
    }

    public string CountedBy => _group is null ? "process tree" : "control group";

    /// <summary>Starts a program inside the group; its output goes to a file.</summary>
    public Process Launch(IReadOnlyList<string> command, string log, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("""exec >>"$2" 2>&1; if [ -n "$1" ]; then echo $$ > "$1/cgroup.procs"; fi; shift 2; exec "$@" """);
        start.ArgumentList.Add("launch");
        start.ArgumentList.Add(_group ?? "");
        start.ArgumentList.Add(log);
        foreach (var argument in command)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException("cannot start " + command[0]);
        process.StandardInput.Close();
        return process;
    }

    public void Watch(IReadOnlyList<int> roots) => _roots = roots;

    /// <summary>User and system time so far, in seconds.</summary>
    public (double User, double System) Cpu()
    {
        if (_group is null)
            return TreeCpu();
        if (!_unified)
            return (Number("cpuacct.usage_user") / 1e9, Number("cpuacct.usage_sys") / 1e9);
        var stat = File.ReadAllLines(Path.Combine(_group, "cpu.stat")).Select(l => l.Split(' '))
            .ToDictionary(p => p[0], p => long.Parse(p[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);
        return (stat["user_usec"] / 1e6, stat["system_usec"] / 1e6);
    }

    public Memory Memory()
    {
        int processes = 0;
        long resident = 0, own = 0, proportional = 0;
        foreach (var id in Ids())
        {
            try
            {
                foreach (var line in File.ReadAllLines($"/proc/{id}/smaps_rollup"))
                {
                    if (line.StartsWith("Rss:", StringComparison.Ordinal)) resident += Kilobytes(line);
                    else if (line.StartsWith("Pss:", StringComparison.Ordinal)) proportional += Kilobytes(line);
                    else if (line.StartsWith("Private_", StringComparison.Ordinal)) own += Kilobytes(line);
                }
                processes++;
            }
            catch (IOException)
            {
                // The process has ended between the listing and the reading.
            }
        }
        return new Memory(processes, resident, own, proportional);
    }

    public IReadOnlyList<int> Ids() => _group is null
        ? Tree().Select(p => p.Id).ToArray()
        : File.ReadAllLines(Path.Combine(_group, "cgroup.procs")).Select(l => int.Parse(l, CultureInfo.InvariantCulture)).ToArray();

    /// <summary>Ends what the server's own shutdown has left, by process id.</summary>
    public void EndRest(TimeSpan patience)
    {
        var until = Stopwatch.GetTimestamp() + (long)(patience.TotalSeconds * Stopwatch.Frequency);
        while (Ids().Count > 0 && Stopwatch.GetTimestamp() < until)
            Thread.Sleep(20);
        foreach (var id in Ids())
        {
            try
            {
                using var process = Process.GetProcessById(id);
                process.Kill();
                process.WaitForExit(5000);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
            {
                // Already gone.
            }
        }
        _roots = [];
    }

    public void Remove()
    {
        if (_group is not null && Ids().Count == 0)
            Directory.Delete(_group);
    }

    private static long Kilobytes(string line) =>
        long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private long Number(string file) => long.Parse(File.ReadAllText(Path.Combine(_group!, file)), CultureInfo.InvariantCulture);

    private (double User, double System) TreeCpu()
    {
        long user = 0, system = 0;
        foreach (var process in Tree())
        {
            user += process.User;
            system += process.System;
        }
        return (user / 100.0, system / 100.0);   // the kernel's USER_HZ is 100 for every program
    }

    // proc(5): after the command's name in parentheses come state, ppid, …, utime, stime, cutime, cstime (fields 14 to 17).
    private List<(int Id, long User, long System)> Tree()
    {
        var all = new List<(int Id, int Parent, long User, long System)>();
        foreach (var path in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                continue;
            try
            {
                var stat = File.ReadAllText(path + "/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                long Field(int number) => long.Parse(fields[number - 3], CultureInfo.InvariantCulture);
                all.Add((id, (int)Field(4), Field(14) + Field(16), Field(15) + Field(17)));
            }
            catch (IOException)
            {
                // The process has ended between the listing and the reading.
            }
        }
        var ours = new HashSet<int>(_roots);
        for (int before = -1; before != ours.Count;)
        {
            before = ours.Count;
            ours.UnionWith(all.Where(p => ours.Contains(p.Parent)).Select(p => p.Id));
        }
        return all.Where(p => ours.Contains(p.Id)).Select(p => (p.Id, p.User, p.System)).ToList();
    }
}

/// <summary>Processor time between two moments: of the server, of the driver, and of everything else on the machine.</summary>
internal sealed class CpuSpan
{
    private const double RestShare = 0.03;
    private static readonly TimeSpan RestStep = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan RestTimeMax = TimeSpan.FromSeconds(60);

    private readonly ServerProcesses _server;
    private readonly (double User, double System) _serverBefore;
    private readonly double _driverBefore = Driver();
    private readonly double _machineBefore = Machine();

    public CpuSpan(ServerProcesses server)
    {
        _server = server;
        _serverBefore = server.Cpu();
    }

    public void Report(Figure figure, double operations)
    {
        var (user, system) = _server.Cpu();
        double server = user - _serverBefore.User + system - _serverBefore.System, driver = Driver() - _driverBefore;
        figure.Add("cpu_s_per_1000", server / operations * 1000)
            .Add("cpu_user_s", user - _serverBefore.User)
            .Add("cpu_system_s", system - _serverBefore.System)
            .Add("driver_cpu_s", driver)
            .Add("other_cpu_s", Math.Max(0, Machine() - _machineBefore - server - driver))
            .Add("cpu_by", _server.CountedBy);
    }

    /// <summary>
    /// Adds the server's processor time until it rests, so that work put off until after the load is not forgotten, and leaves the next load a
    /// server without any.
    /// </summary>
    public void ReportAtRest(Figure figure, double operations)
    {
        var until = Stopwatch.GetTimestamp() + (long)(RestTimeMax.TotalSeconds * Stopwatch.Frequency);
        var used = Used();
        while (Stopwatch.GetTimestamp() < until)
        {
            Thread.Sleep(RestStep);
            var now = Used();
            if (now - used < RestShare * RestStep.TotalSeconds) break;
            used = now;
        }
        figure.Add("cpu_s_per_1000_at_rest", Used() / operations * 1000);
    }

    private double Used()
    {
        var (user, system) = _server.Cpu();
        return user - _serverBefore.User + system - _serverBefore.System;
    }

    private static double Driver()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime.TotalSeconds;
    }

    // user nice system idle iowait irq softirq steal, in hundredths of a second
    private static double Machine()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)
            .Select(f => long.Parse(f, CultureInfo.InvariantCulture)).ToArray();
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]) / 100.0;
    }
}
