using System.CommandLine;
using System.Globalization;
using Posthorn.Admin;
using Posthorn.Delivery;

namespace Posthorn.Server;

internal static class QueueCommands
{
    private const string Path = "queue";
    private const int PageItems = 1000;

    public static Command Create(RemoteOptions remote) => remote.Group(
        "queue",
        "What waits to go out.",
        List(remote),
        Show(remote),
        Act(remote, "retry", "Tries entries again now.", "is tried again"),
        Act(remote, "hold", "Keeps entries until they are released.", "is held"),
        Act(remote, "release", "Lets held entries go on.", "goes on"),
        Act(remote, "cancel", "Gives entries up, without a report to their senders.", "is given up"),
        SendBy(remote),
        Destinations(remote));

    private static Command List(RemoteOptions remote)
    {
        var filter = new Filter();
        var limit = new Option<int>("--limit")
        {
            Description = "Entries to show at most.",
            HelpName = "NUMBER",
            DefaultValueFactory = _ => PageItems,
        };
        return remote.Command(
            "list",
            "Lists what waits to go out.",
            async call =>
            {
                var entries = await ListAsync(call, filter, Math.Max(1, call.Get(limit)));
                return call.Print(entries, AdminJson.Default.QueueView, shown => Tell(call.Output, shown));
            },
            [.. filter.Options, limit]);
    }

    private static async Task<List<QueueView>> ListAsync(RemoteCall call, Filter filter, int max)
    {
        var entries = new List<QueueView>();
        string? after = null;
        do
        {
            var limit = string.Create(CultureInfo.InvariantCulture, $"limit={Math.Min(PageItems, max - entries.Count)}");
            var query = filter.Query(call, limit, after is null ? null : "after=" + ApiClient.Segment(after));
            var page = await call.Api.GetAsync(Path + query, AdminJson.Default.QueuePage, call.Ct);
            entries.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null && entries.Count < max);
        if (after is not null) await call.Error.WriteLineAsync($"There are more than {max}: see --limit.");
        return entries;
    }

    private static Command Show(RemoteOptions remote)
    {
        var id = new Argument<long>("ID");
        return remote.Command(
            "show",
            "Shows an entry.",
            async call => Tell(call, await call.Api.GetAsync(Of(call.Get(id)), AdminJson.Default.QueueView, call.Ct)),
            id);
    }

    private static int Tell(RemoteCall call, QueueView shown) => call.Print(
        shown,
        AdminJson.Default.QueueView,
        entry => Text.WriteList(
            call.Output,
            ("Id", Text.Of(entry.Id)),
            ("Message", entry.Message),
            ("Sender", Sender(entry)),
            ("Recipient", entry.Recipient),
            ("Way", entry.Lane),
            ("State", State(entry)),
            ("Attempts", Text.Of(entry.Attempts)),
            ("Arrived", Text.Of(entry.ArrivedAt)),
            ("Next attempt", entry.NextAttempt is null ? null : Text.Of(entry.NextAttempt)),
            ("Given up", Text.Of(entry.ExpiresAt)),
            ("Last reply", entry.LastReply),
            ("Size", Text.OfSize(entry.SizeBytes))));

    private static Command Act(RemoteOptions remote, string name, string description, string done)
    {
        var ids = new Argument<long[]>("ID") { Description = "As queue list shows them; several may follow.", Arity = ArgumentArity.ZeroOrMore };
        var filter = new Filter();
        var all = new Option<bool>("--all") { Description = "Everything in the queue." };
        return remote.Command(
            name,
            description + " Those that are named, or all that the options describe.",
            async call =>
            {
                if (call.Get(ids) is { Length: > 0 } named) return await ActAsync(call, name, done, named);
                var query = filter.Query(call, call.Get(all) ? "all=true" : null);
                if (query.Length == 0) throw new CommandFailedException("say which entries are meant: by ids, by options, or --all");
                return call.Print(
                    await call.Api.DoAsync(HttpMethod.Post, $"{Path}/{name}{query}", AdminJson.Default.QueueDone, call.Ct),
                    AdminJson.Default.QueueDone,
                    many => call.Say($"{Text.Of(many.Count)} entries: each {done}."));
            },
            [ids, .. filter.Options, all]);
    }

    private static async Task<int> ActAsync(RemoteCall call, string name, string done, long[] ids)
    {
        var entries = new List<QueueView>();
        foreach (var id in ids)
        {
            var entry = await call.Api.DoAsync(HttpMethod.Post, $"{Of(id)}/{name}", AdminJson.Default.QueueView, call.Ct);
            entries.Add(entry);
            if (!call.Json) call.Say($"{Text.Of(entry.Id)} to {entry.Recipient} {done}.");
        }
        return call.Json ? call.Print(entries, AdminJson.Default.QueueView, _ => { }) : ExitStatus.Done;
    }

    private static Command SendBy(RemoteOptions remote)
    {
        var id = new Argument<long>("ID");
        var route = new Option<long?>("--via") { Description = "The number of a route; left out: back to the rules.", HelpName = "ROUTE" };
        return remote.Command(
            "route",
            "Sends an entry by a route, whatever the rules say.",
            async call => Tell(call, await call.Api.SendAsync(
                HttpMethod.Post, Of(call.Get(id)) + "/route", new QueueRouteBody(call.Get(route)), AdminJson.Default.QueueRouteBody,
                AdminJson.Default.QueueView, call.Ct)),
            id, route);
    }

    private static Command Destinations(RemoteOptions remote) => remote.Command(
        "destinations",
        "Lists the ways out with the most mail waiting.",
        async call => call.Print(
            (await call.Api.GetAsync("destinations", AdminJson.Default.DestinationPage, call.Ct)).Items,
            AdminJson.Default.DestinationView,
            ways => Text.WriteTable(
                call.Output,
                ["WAY", "WAITING", "FIRST DUE", "LEFT ALONE UNTIL", "WHY"],
                ways.Select(way => new[]
                {
                    way.Lane, Text.Of(way.Waiting), Text.Of(way.FirstDue), way.ClosedUntil is null ? "-" : Text.Of(way.ClosedUntil),
                    way.LastReply ?? "-",
                }),
                1)));

    private static void Tell(TextWriter output, IReadOnlyList<QueueView> entries)
    {
        if (entries.Count == 0)
        {
            output.WriteLine("Nothing waits.");
            return;
        }
        Text.WriteTable(
            output,
            ["ID", "SENDER", "RECIPIENT", "STATE", "TRIES", "NEXT", "LAST REPLY"],
            entries.Select(e => new[]
            {
                Text.Of(e.Id), Sender(e), e.Recipient, State(e), Text.Of(e.Attempts), Text.Of(e.NextAttempt), e.LastReply ?? "-",
            }),
            0, 4);
    }

    private static string Sender(QueueView entry) => entry.Sender.Length == 0 ? "<>" : entry.Sender;

    private static string State(QueueView entry) => entry.State switch
    {
        QueueState.Active => "active",
        QueueState.Held => "held",
        _ => "waiting",
    };

    private static string Of(long id) => string.Create(CultureInfo.InvariantCulture, $"{Path}/{id}");

    /// <summary>The options that say which entries are meant.</summary>
    private sealed class Filter
    {
        private readonly Option<string?> _domain = new("--domain") { Description = "What goes to this domain.", HelpName = "DOMAIN" };
        private readonly Option<string?> _sender = new("--sender") { Description = "What has this in its sender's address.", HelpName = "PART" };
        private readonly Option<string?> _recipient = new("--recipient")
        {
            Description = "What has this in its recipient's address.",
            HelpName = "PART",
        };

        private readonly Option<string?> _error = new("--error") { Description = "What has this in its last reply.", HelpName = "PART" };
        private readonly Option<string?> _message = new("--message") { Description = "The recipients of this message.", HelpName = "NAME" };
        private readonly Option<string?> _state = new("--state") { Description = "waiting, active or held.", HelpName = "STATE" };
        private readonly Option<long?> _age = new("--older")
        {
            Description = "What has waited at least so long, as 4h.",
            HelpName = "TIME",
            CustomParser = Text.ParseDuration,
        };

        public IReadOnlyList<Symbol> Options => [_domain, _sender, _recipient, _error, _message, _state, _age];

        public string Query(RemoteCall call, params string?[] more)
        {
            var parts = new List<string?>
            {
                Part("domain", call.Get(_domain)), Part("sender", call.Get(_sender)), Part("recipient", call.Get(_recipient)),
                Part("error", call.Get(_error)), Part("message", call.Get(_message)), Part("state", call.Get(_state)),
                Part("age", call.Get(_age)?.ToString(CultureInfo.InvariantCulture)),
            };
            parts.AddRange(more);
            parts.RemoveAll(static part => part is null);
            return parts.Count == 0 ? "" : "?" + string.Join('&', parts);
        }

        private static string? Part(string name, string? value) => value is null ? null : $"{name}={ApiClient.Segment(value)}";
    }
}
