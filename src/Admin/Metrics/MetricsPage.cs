using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary><c>/metrics</c>: what the instruments say, and what is asked of the queue when somebody looks.</summary>
internal sealed class MetricsPage(AdminParts parts, Door door, MetricsCollector collector)
{
    public async Task ServeAsync(HttpContext context)
    {
        if (await door.AdmitToMetricsAsync(context) is { } refusal)
        {
            await Replies.RefuseAsync(context, refusal);
            return;
        }
        var families = new List<MetricFamily>
        {
            new("posthorn_build", "The version that runs.", "gauge", [new Series($"{{version=\"{parts.Facts.Version}\"}}", 1)]),
            await QueueAsync(context.RequestAborted),
        };
        families.AddRange(await DestinationsAsync(context.RequestAborted));
        families.AddRange(collector.Collect());
        await Replies.WriteAsync(context, Encoding.UTF8.GetBytes(PrometheusText.Write(families)), PrometheusText.ContentType);
    }

    // The ways out with the most mail waiting, and no more of them: a queue may have a hundred thousand.
    private async ValueTask<MetricFamily[]> DestinationsAsync(CancellationToken ct)
    {
        var destinations = await parts.Queue.DestinationsAsync(AdminLimits.MetricDestinationsMax, ct);
        var now = parts.Time.GetUtcNow();
        return
        [
            new("posthorn_queue_destination_waiting", "Recipients that wait, of the destinations with the most.", "gauge",
                [.. destinations.Select(one => new Series($"{{destination=\"{one.Lane}\"}}", one.Waiting))]),
            new("posthorn_queue_destination_closed", "Whether one of these destinations is left alone, since nobody was reached there.", "gauge",
                [.. destinations.Select(one => new Series($"{{destination=\"{one.Lane}\"}}", one.ClosedUntil > now ? 1 : 0))]),
        ];
    }

    private async ValueTask<MetricFamily> QueueAsync(CancellationToken ct)
    {
        var counts = await parts.Queue.CountAsync(ct);
        var series = Enum.GetValues<QueueState>().Select(state => new Series(
            $"{{state=\"{JsonNamingPolicy.KebabCaseLower.ConvertName(state.ToString())}\"}}", counts.GetValueOrDefault(state)));
        return new MetricFamily("posthorn_queue_recipients", "Recipients of messages on their way out.", "gauge", [.. series]);
    }
}
