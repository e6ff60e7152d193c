using System.Globalization;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>One step of a message's journey; what does not belong to the step is missing.</summary>
/// <param name="Message">The name of the message in Received, in the log and in the queue.</param>
/// <param name="Step">What happened.</param>
/// <param name="From">Empty for a report.</param>
/// <param name="Queue">The number of the recipient in the queue.</param>
/// <param name="Client">Where it came from.</param>
/// <param name="Name">The client's EHLO, or the name of a check.</param>
/// <param name="With">ESMTPSA and the like.</param>
/// <param name="Tls">Protocol and cipher.</param>
/// <param name="User">Who was logged in.</param>
/// <param name="Text">The other server's exact reply, a verdict, or this server's words.</param>
/// <param name="Host">Who said so.</param>
/// <param name="Next">When it is tried again.</param>
public sealed record TraceView(
    DateTimeOffset At,
    string Message,
    JourneyStep Step,
    string? From,
    IReadOnlyList<string> To,
    string? MessageId,
    long? Queue,
    string? Client,
    string? Name,
    string? With,
    string? Tls,
    string? User,
    string? Session,
    long? Size,
    string? Status,
    string? Text,
    string? Host,
    DateTimeOffset? Next);

/// <summary>The journeys of messages. An administrator of one domain sees what it sends and what is sent to it.</summary>
internal static class TraceRoutes
{
    private static readonly QueryParameter Message = new("message", "string", "The name of the message.");
    private static readonly QueryParameter Address = new("address", "string", "A sender or recipient.");
    private static readonly QueryParameter MessageId = new("messageId", "string", "The Message-ID, with or without its brackets.");
    private static readonly QueryParameter QueueId = new("queue", "integer", "The number of a recipient in the queue.");
    private static readonly QueryParameter Since = new("since", "string", "Not before this time (RFC 3339).");
    private static readonly QueryParameter Until = new("until", "string", "Not after this time (RFC 3339).");
    private static readonly QueryParameter[] Filters = [Message, Address, MessageId, QueueId, Since, Until];

    public static IEnumerable<Route> All =>
    [
        Route.Of(
            "GET", "/trace", "trace", "Shows the journeys of the messages that are meant, the last message first.", AdminJson.Default.TracePage,
            FindAsync)
            with { Query = [.. Filters, QueryParameter.Limit] },
        new Route(
            "GET", "/trace/export", "exportTrace", "Every step that is meant, in the order of time.", null, AdminJson.Default.TraceView, ExportAsync)
        {
            MediaType = Route.Lines,
            Query = Filters,
        },
    ];

    private static async ValueTask<Result<Page<TraceView>>> FindAsync(Call call)
    {
        if (call.Parts.Journey is not { } journey) return Off;
        var steps = await journey.FindAsync(Query(call), call.QueryLimit(), call.Ct);
        return new Page<TraceView>([.. steps.Select(View)], null);
    }

    private static async Task ExportAsync(Call call)
    {
        if (call.Parts.Journey is not { } journey)
        {
            await Replies.RefuseAsync(call.Http, Off);
            return;
        }
        var query = Query(call);
        call.Http.Response.ContentType = Route.Lines;
        call.Http.Response.Headers.CacheControl = "no-store";
        await foreach (var step in journey.ExportAsync(query, call.Ct))
        {
            var line = JsonSerializer.SerializeToUtf8Bytes(View(step), AdminJson.Default.TraceView);
            await call.Http.Response.Body.WriteAsync((byte[])[.. line, (byte)'\n'], call.Ct);
        }
    }

    private static Refusal Off { get; } = new(RefusalKind.NotFound, "this server keeps no traces: see [journey] days");

    private static JourneyQuery Query(Call call) => new()
    {
        Message = call.Query(Message),
        Address = call.Query(Address) is { } address ? Call.ToAddress(address) : null,
        MessageId = call.Query(MessageId)?.Trim('<', '>'),
        Queue = call.Query(QueueId) is { } text
            ? long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : throw Call.Invalid("queue is a number")
            : null,
        Since = Time(call.Query(Since)),
        Until = Time(call.Query(Until)),
        Within = call.By.Only,
    };

    private static DateTimeOffset? Time(string? text) => text is null ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw Call.Invalid("a time is written as 2026-11-26T10:00:00Z");

    private static TraceView View(JourneyEvent step) => new(
        step.At, step.Message, step.Step, step.From, step.To, step.MessageId, step.Queue, step.Client?.ToString(), step.Name, step.With, step.Tls,
        step.User, step.Session, step.Size, step.Status, step.Text, step.Host, step.Next);
}
