using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Posthorn.Bench;

/// <summary>One measurement: names and values in the order in which they were added.</summary>
internal sealed class Figure(string test, string target, int pair)
{
    private readonly List<(string Name, object Value)> _fields = [("test", test), ("target", target), ("pair", pair)];

    public Figure Add(string name, object value)
    {
        _fields.Add((name, value));
        return this;
    }

    public byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach (var (name, value) in _fields)
            {
                switch (value)
                {
                    case int number: json.WriteNumber(name, number); break;
                    case long number: json.WriteNumber(name, number); break;
                    case double number: json.WriteNumber(name, Round(number)); break;
                    default: json.WriteString(name, value.ToString()); break;
                }
            }
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    // Four significant digits below 1,000: more would pretend.
    private static double Round(double value)
    {
        if (value == 0 || !double.IsFinite(value))
            return 0;
        int digits = Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 9);
        return Math.Round(value, digits);
    }
}

/// <summary>The raw results of a run: one JSON object a line in bench/results, and the same on standard output.</summary>
internal sealed class Results : IDisposable
{
    private readonly FileStream _file;

    public Results(string directory, string mode, IEnumerable<Target> targets)
    {
        var now = DateTimeOffset.UtcNow;
        var path = directory.EndsWith(".jsonl", StringComparison.Ordinal) ? directory
            : Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{now:yyyyMMdd-HHmmss}-{mode}.jsonl"));
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        _file = new FileStream(path, FileMode.Append);
        var about = new Figure("about", "", 0).Add("mode", mode).Add("date", now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture))
            .Add("cores", Environment.ProcessorCount)
            .Add("memory_gb", (int)Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9));
        foreach (var target in targets)
            about.Add("program " + target.Name, target.Description);
        Write(about);
    }

    public void Write(Figure figure)
    {
        var line = figure.ToJson();
        _file.Write(line);
        _file.WriteByte((byte)'\n');
        _file.Flush();
        Console.WriteLine(Encoding.UTF8.GetString(line));
    }

    public void Dispose() => _file.Dispose();
}

/// <summary>Order statistics of a list of measurements.</summary>
internal static class Spread
{
    public static double Percentile(IEnumerable<double> values, double fraction)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * fraction))];
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        int half = sorted.Length / 2;
        return sorted.Length == 0 ? 0 : sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
