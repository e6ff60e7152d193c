using System.Diagnostics.Metrics;

namespace Posthorn.Jmap;

/// <summary>What JMAP counts; docs/telemetry.md names each.</summary>
internal static class Meters
{
    private static readonly Meter Meter = new("Posthorn.Jmap");
    private static readonly Counter<long> Calls = Meter.CreateCounter<long>("posthorn.jmap.calls", "{call}", "Method calls, by method and outcome.");
    private static readonly Histogram<double> Requests =
        Meter.CreateHistogram<double>("posthorn.jmap.request.duration", "s", "How long requests to the API took.");

    public static void Called(string method, string outcome) => Calls.Add(1, new("method", method), new("outcome", outcome));

    public static void Answered(TimeSpan took) => Requests.Record(took.TotalSeconds);
}
