using System.Diagnostics.Metrics;

namespace Posthorn.Db;

/// <summary>Tells how much the files of one part of the storage take, when somebody asks; docs/telemetry.md lists it.</summary>
internal sealed class SizeMeter : IDisposable
{
    private readonly Meter _meter = new("Posthorn.Db");

    /// <param name="part">As <c>posthorn</c>, <c>search</c>, <c>blobs</c>.</param>
    /// <param name="pattern">Of the names of its files in the directory.</param>
    public SizeMeter(string part, string directory, string pattern) => _meter.CreateObservableGauge(
        "posthorn.storage.size",
        () => new Measurement<long>(Size(directory, pattern), new KeyValuePair<string, object?>("part", part)),
        "By",
        "What the files of a part of the storage take.");

    public void Dispose() => _meter.Dispose();

    // A file may go between the two looks, and a missing one has no length.
    private static long Size(string directory, string pattern) =>
        new DirectoryInfo(directory).EnumerateFiles(pattern).Sum(file => file.Exists ? file.Length : 0);
}
