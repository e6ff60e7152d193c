using System.Globalization;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>What waits to go out. It holds everybody's mail, so it takes an authority over everything.</summary>
internal static class QueueRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/queue", "listQueue", "Lists what waits to go out.", AdminJson.Default.QueuePage, ListAsync)
            with { Query = [QueryParameter.Domain, QueryParameter.After, QueryParameter.Limit] },
        Route.Of("GET", "/queue/{id}", "showQueueEntry", "Shows an entry of the queue.", AdminJson.Default.QueueView, ShowAsync),
        Route.Of(
            "POST", "/queue/{id}/retry", "retryQueueEntry", "Tries an entry again now.", AdminJson.Default.QueueView,
            call => DoAsync(call, call.Parts.Queue.RetryAsync)),
        Route.Of(
            "POST", "/queue/{id}/hold", "holdQueueEntry", "Keeps an entry until it is released.", AdminJson.Default.QueueView,
            call => DoAsync(call, call.Parts.Queue.HoldAsync)),
        Route.Of(
            "POST", "/queue/{id}/release", "releaseQueueEntry", "Lets a held entry go on.", AdminJson.Default.QueueView,
            call => DoAsync(call, call.Parts.Queue.ReleaseAsync)),
        Route.Of(
            "POST", "/queue/{id}/cancel", "cancelQueueEntry", "Gives an entry up without a report to its sender.", AdminJson.Default.QueueView,
            call => DoAsync(call, call.Parts.Queue.CancelAsync)),
    ];

    private static async ValueTask<Result<Page<QueueView>>> ListAsync(Call call)
    {
        Demand(call);
        var limit = call.QueryLimit();
        var after = 0L;
        if (call.Query(QueryParameter.After) is { } text && !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out after))
        {
            throw Call.Invalid("after must be the next of another page");
        }
        var items = await call.Parts.Queue.ListAsync(call.QueryDomain(), after, limit + 1, call.Ct);
        var page = items.Take(limit).Select(View).ToList();
        return new Page<QueueView>(page, items.Count > limit ? page[^1].Id.ToString(CultureInfo.InvariantCulture) : null);
    }

    private static async ValueTask<Result<QueueView>> ShowAsync(Call call)
    {
        Demand(call);
        var id = call.KeyNumber();
        return await call.Parts.Queue.FindAsync(id, call.Ct) is { } item
            ? View(item)
            : new Refusal(RefusalKind.NotFound, string.Create(CultureInfo.InvariantCulture, $"{id} is not in the queue"));
    }

    private static async ValueTask<Result<QueueView>> DoAsync(Call call, Func<long, CancellationToken, ValueTask<Result<QueueItem>>> act)
    {
        Demand(call);
        var result = await act(call.KeyNumber(), call.Ct);
        return result.TryGet(out var item) ? View(item) : result.Refusal!;
    }

    private static void Demand(Call call) => call.By.DemandEverything("work on the queue");

    private static QueueView View(QueueItem item) => new(
        item.Id,
        item.Message,
        item.Sender.ToString(),
        item.Recipient.ToString(),
        item.Recipient.Domain.Ascii,
        item.State,
        item.Attempts,
        item.ArrivedAt,
        item.NextAttempt,
        item.ExpiresAt,
        item.LastReply,
        item.SizeBytes);
}
