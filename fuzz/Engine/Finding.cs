using System.Diagnostics;
using System.Security.Cryptography;

namespace Posthorn.Fuzz;

/// <summary>An input that a target failed on, and how.</summary>
/// <param name="Key">The same for two inputs that fail for the same reason, as far as a program can tell.</param>
internal sealed record Finding(byte[] Input, string Key, string Report)
{
    /// <summary>What one run costs, beyond which it is a finding. The time is that of the processor: others may use the machine too.</summary>
    private static readonly TimeSpan RunMax = TimeSpan.FromMilliseconds(500);

    private const int FramesInKey = 2;

    /// <summary>Gives a target an input. Null when all is well.</summary>
    public static Finding? Try(Target target, byte[] input)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var began = Stopwatch.GetTimestamp();
        try
        {
            target.Run(input);
        }
        catch (Exception fault)
        {
            return new Finding(input, KeyOf(fault), fault.ToString());
        }
        var (start, each) = target.Memory;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        var allowed = start + (each * input.Length);
        if (allocated > allowed)
            return new Finding(input, "memory", $"{allocated} bytes were allocated for {input.Length} octets; at most {allowed} may be");
        return Stopwatch.GetElapsedTime(began) > RunMax && IsSlow(target, input)
            ? new Finding(input, "time", $"{input.Length} octets take longer than {RunMax.TotalMilliseconds} ms")
            : null;
    }

    /// <summary>A smaller input that fails for the same reason: pieces are taken out, halves first, as long as that goes on.</summary>
    public Finding Minimise(Target target)
    {
        var best = this;
        var deadline = Stopwatch.StartNew();
        for (var piece = Math.Max(1, best.Input.Length / 2); piece > 0 && deadline.Elapsed < TimeSpan.FromSeconds(60);)
        {
            var smaller = Smaller(target, best, piece);
            if (smaller is null) piece /= 2;
            else best = smaller;
        }
        return best;
    }

    /// <summary>Writes the input and the report into a folder, under a name that the input decides.</summary>
    /// <returns>The file with the input.</returns>
    public string Save(string folder)
    {
        System.IO.Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, NameOf(Input));
        File.WriteAllBytes(file, Input);
        File.WriteAllText(file + ".txt", Report + "\n");
        return file;
    }

    public static string NameOf(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input))[..12];

    private static Finding? Smaller(Target target, Finding finding, int piece)
    {
        for (var at = 0; at < finding.Input.Length; at += piece)
        {
            byte[] without = [.. finding.Input[..at], .. finding.Input[Math.Min(finding.Input.Length, at + piece)..]];
            if (Try(target, without) is { } still && still.Key == finding.Key) return still;
        }
        return null;
    }

    private static bool IsSlow(Target target, byte[] input)
    {
        for (var again = 0; again < 3; again++)
        {
            var before = Environment.CpuUsage.TotalTime;
            target.Run(input);
            if (Environment.CpuUsage.TotalTime - before <= RunMax) return false;
        }
        return true;
    }

    // The kind, the oracle's sentence, and where the fault was thrown.
    private static string KeyOf(Exception fault)
    {
        var key = fault is OracleException ? fault.Message.Split('\n')[0] : fault.GetType().Name;
        var frames = new StackTrace(fault).GetFrames().Select(f => f.GetMethod())
            .Where(m => m?.DeclaringType?.FullName?.StartsWith("Posthorn.", StringComparison.Ordinal) == true && m.DeclaringType != typeof(Oracle))
            .Take(FramesInKey).Select(m => $"{m!.DeclaringType!.Name}.{m.Name}");
        return key + " in " + string.Join(" < ", frames);
    }
}
