using System.Diagnostics.Metrics;

namespace Posthorn.Wire;

/// <summary>What is counted of connections, by listener; docs/telemetry.md lists it.</summary>
internal static class Meters
{
    private static readonly Meter Meter = new("Posthorn.Wire");

    public static readonly UpDownCounter<long> Connections =
        Meter.CreateUpDownCounter<long>("posthorn.connections", "{connection}", "Connections now.");

    public static readonly Counter<long> Accepted =
        Meter.CreateCounter<long>("posthorn.connections.accepted", "{connection}", "Connections that found a place.");

    public static readonly Counter<long> Refused =
        Meter.CreateCounter<long>("posthorn.connections.refused", "{connection}", "Connections that found no place.");
}
