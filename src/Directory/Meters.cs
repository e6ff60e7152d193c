using System.Diagnostics.Metrics;

namespace Posthorn.Directory;

/// <summary>What is counted of log-ins; docs/telemetry.md lists it.</summary>
internal static class Meters
{
    private static readonly Meter Meter = new("Posthorn.Directory");

    private static readonly Counter<long> Logins =
        Meter.CreateCounter<long>("posthorn.logins", "{login}", "Attempts to log in, by protocol and outcome.");

    /// <param name="outcome"><c>ok</c>, <c>failed</c>, <c>throttled</c>, <c>disabled</c>, <c>not_allowed</c>.</param>
    public static void LoggedIn(string protocol, string outcome) => Logins.Add(1, new("protocol", protocol), new("outcome", outcome));
}
