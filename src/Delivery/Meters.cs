using System.Diagnostics.Metrics;

namespace Posthorn.Delivery;

/// <summary>What is counted of messages; docs/telemetry.md lists it.</summary>
internal static class Meters
{
    private static readonly Meter Meter = new("Posthorn.Delivery");

    private static readonly Counter<long> Messages =
        Meter.CreateCounter<long>("posthorn.messages", "{message}", "Messages at the intake, by outcome.");

    private static readonly Counter<long> Deliveries =
        Meter.CreateCounter<long>("posthorn.queue.attempts", "{attempt}", "Attempts for recipients in the queue, by outcome.");

    private static readonly KeyValuePair<string, object?> Accepted = new("outcome", "accepted");
    private static readonly KeyValuePair<string, object?> Refused = new("outcome", "refused");

    public static void AtIntake(bool accepted) => Messages.Add(1, accepted ? Accepted : Refused);

    /// <param name="outcome"><c>delivered</c>, <c>deferred</c>, <c>failed</c>.</param>
    public static void Attempted(string outcome) => Deliveries.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
