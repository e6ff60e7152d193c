using System.Globalization;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>What waits to go out. An administrator of one domain sees what it sends and what is sent to it.</summary>
internal static class QueueRoutes
{
    private static readonly QueryParameter Sender = new("sender", "string", "Only what has this in its sender's address.");
    private static readonly QueryParameter Recipient = new("recipient", "string", "Only what has this in its recipient's address.");
    private static readonly QueryParameter Error = new("error", "string", "Only what has this in the last reply.");
    private static readonly QueryParameter Message = new("message", "string", "Only the recipients of this message.");
    private static readonly QueryParameter State = new("state", "string", "Only what is `waiting`, `active` or `held`.");
    private static readonly QueryParameter Age = new("age", "integer", "Only what has waited at least so many seconds.");
    private static readonly QueryParameter Everything = new("all", "boolean", "`true` when nothing else says which entries are meant.");

    private static readonly QueryParameter[] Filters = [QueryParameter.Domain, Sender, Recipient, Error, Message, State, Age];

    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/queue", "listQueue", "Lists what waits to go out.", AdminJson.Default.QueuePage, ListAsync)
            with { Query = [.. Filters, QueryParameter.After, QueryParameter.Limit] },
        Route.Of("GET", "/queue/{id}", "showQueueEntry", "Shows an entry of the queue.", AdminJson.Default.QueueView, ShowAsync),
        .. Deed(QueueDeed.Retry, "Tries an entry again now.", "Tries entries again now."),
        .. Deed(QueueDeed.Hold, "Keeps an entry until it is released.", "Keeps entries until they are released."),
        .. Deed(QueueDeed.Release, "Lets a held entry go on.", "Lets held entries go on."),
        .. Deed(
            QueueDeed.Cancel, "Gives an entry up without a report to its sender.", "Gives entries up without reports to their senders."),
        Route.Of(
            "POST", "/queue/{id}/route", "routeQueueEntry", "Sends an entry by a route, whatever the rules say; by none, back to the rules.",
            AdminJson.Default.QueueRouteBody, AdminJson.Default.QueueView, RouteAsync),
        Route.Of(
            "GET", "/destinations", "listDestinations", "Lists the ways out with the most mail waiting.", AdminJson.Default.DestinationPage,
            DestinationsAsync) with { Query = [QueryParameter.Limit] },
    ];

    private static IEnumerable<Route> Deed(QueueDeed deed, string summary, string bulkSummary)
    {
        var word = JsonNamingPolicy.KebabCaseLower.ConvertName(deed.ToString());
        return
        [
            Route.Of("POST", $"/queue/{{id}}/{word}", word + "QueueEntry", summary, AdminJson.Default.QueueView, call => DoAsync(call, deed)),
            Route.Of("POST", "/queue/" + word, word + "QueueEntries", bulkSummary, AdminJson.Default.QueueDone, call => DoAllAsync(call, deed))
                with { Query = [.. Filters, Everything] },
        ];
    }

    private static async ValueTask<Result<Page<QueueView>>> ListAsync(Call call)
    {
        var limit = call.QueryLimit();
        var after = 0L;
        if (call.Query(QueryParameter.After) is { } text && !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out after))
        {
            throw Call.Invalid("after must be the next of another page");
        }
        var items = await call.Parts.Queue.ListAsync(Filter(call), after, limit + 1, call.Ct);
        var page = items.Take(limit).Select(View).ToList();
        return new Page<QueueView>(page, items.Count > limit ? page[^1].Id.ToString(CultureInfo.InvariantCulture) : null);
    }

    private static async ValueTask<Result<QueueView>> ShowAsync(Call call)
    {
        var id = call.KeyNumber();
        return await call.Parts.Queue.FindAsync(id, call.By.Only, call.Ct) is { } item
            ? View(item)
            : new Refusal(RefusalKind.NotFound, string.Create(CultureInfo.InvariantCulture, $"{id} is not in the queue"));
    }

    private static async ValueTask<Result<QueueView>> DoAsync(Call call, QueueDeed deed)
    {
        var result = await call.Parts.Queue.DoAsync(deed, call.KeyNumber(), call.By.Only, call.Ct);
        return result.TryGet(out var item) ? View(item) : result.Refusal!;
    }

    private static async ValueTask<Result<QueueDone>> DoAllAsync(Call call, QueueDeed deed)
    {
        var filter = Filter(call);
        if (filter == new QueueFilter { Within = call.By.Only } && call.Query(Everything) != "true")
        {
            throw Call.Invalid("say which entries are meant, or all=true");
        }
        return new QueueDone(await call.Parts.Queue.DoAsync(deed, filter, call.Ct));
    }

    private static async ValueTask<Result<QueueView>> RouteAsync(Call call, QueueRouteBody body)
    {
        call.By.DemandEverything("choose a route");
        var result = await call.Parts.Queue.RouteAsync(call.KeyNumber(), body.Route, null, call.Ct);
        return result.TryGet(out var item) ? View(item) : result.Refusal!;
    }

    private static async ValueTask<Result<Page<DestinationView>>> DestinationsAsync(Call call)
    {
        call.By.DemandEverything("see all destinations");
        var found = await call.Parts.Queue.DestinationsAsync(call.QueryLimit(), call.Ct);
        return new Page<DestinationView>(
            [.. found.Select(lane => new DestinationView(lane.Lane, lane.Waiting, lane.FirstDue, lane.ClosedUntil, lane.LastReply))], null);
    }

    private static QueueFilter Filter(Call call) => new()
    {
        Domain = call.QueryDomain(),
        Sender = call.Query(Sender),
        Recipient = call.Query(Recipient),
        Error = call.Query(Error),
        Message = call.Query(Message),
        State = call.Query(State) is { } word
            ? Enum.TryParse<QueueState>(word, ignoreCase: true, out var state) && !char.IsDigit(word[0])
                ? state
                : throw Call.Invalid("state is waiting, active or held")
            : null,
        Age = call.Query(Age) is { } text
            ? int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                ? TimeSpan.FromSeconds(seconds)
                : throw Call.Invalid("age is a number of seconds")
            : null,
        Within = call.By.Only,
    };

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
        item.SizeBytes,
        item.Lane);
}
