using System.Diagnostics.Metrics;

namespace Posthorn.Pop3;

/// <summary>What is counted of maildrops; docs/telemetry.md lists it.</summary>
internal static class Meters
{
    private static readonly Meter Meter = new("Posthorn.Pop3");

    private static readonly Counter<long> Messages =
        Meter.CreateCounter<long>("posthorn.pop3.messages", "{message}", "Messages that POP3 clients have retrieved, and deleted.");

    public static void Left(int retrieved, int deleted)
    {
        if (retrieved > 0) Messages.Add(retrieved, new KeyValuePair<string, object?>("deed", "retrieved"));
        if (deleted > 0) Messages.Add(deleted, new KeyValuePair<string, object?>("deed", "deleted"));
    }
}
