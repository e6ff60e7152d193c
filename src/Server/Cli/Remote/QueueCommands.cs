using System.CommandLine;
using System.Globalization;
using Posthorn.Admin;
using Posthorn.Delivery;

namespace Posthorn.Server;

internal static class QueueCommands
{
    private const string Path = "queue";

    public static Command Create(RemoteOptions remote) => remote.Group(
        "queue",
        "What waits to go out.",
        List(remote),
        Show(remote),
        Act(remote, "retry", "Tries entries again now.", "is tried again"),
        Act(remote, "hold", "Keeps entries until they are released.", "is held"),
        Act(remote, "release", "Lets held entries go on.", "goes on"),
        Act(remote, "cancel", "Gives entries up, without a report to their senders.", "is given up"));

    private static Command List(RemoteOptions remote)
    {
        var domain = new Option<string?>("--domain") { Description = "Only what goes to this domain.", HelpName = "DOMAIN" };
        return remote.Command(
            "list",
            "Lists what waits to go out.",
            async call => call.Print(
                await call.Api.ListAsync(
                    call.Get(domain) is { } only ? $"{Path}?domain={ApiClient.Segment(only)}" : Path, AdminJson.Default.QueuePage, call.Ct),
                AdminJson.Default.QueueView,
                entries => Tell(call.Output, entries)),
            domain);
    }

    private static Command Show(RemoteOptions remote)
    {
        var id = new Argument<long>("ID");
        return remote.Command(
            "show",
            "Shows an entry.",
            async call => call.Print(
                await call.Api.GetAsync(Of(call.Get(id)), AdminJson.Default.QueueView, call.Ct),
                AdminJson.Default.QueueView,
                entry => Text.WriteList(
                    call.Output,
                    ("Id", Text.Of(entry.Id)),
                    ("Message", entry.Message),
                    ("Sender", Sender(entry)),
                    ("Recipient", entry.Recipient),
                    ("State", State(entry)),
                    ("Attempts", Text.Of(entry.Attempts)),
                    ("Arrived", Text.Of(entry.ArrivedAt)),
                    ("Next attempt", entry.NextAttempt is null ? null : Text.Of(entry.NextAttempt)),
                    ("Given up", Text.Of(entry.ExpiresAt)),
                    ("Last reply", entry.LastReply),
                    ("Size", Text.OfSize(entry.SizeBytes)))),
            id);
    }

    private static Command Act(RemoteOptions remote, string name, string description, string done)
    {
        var ids = new Argument<long[]>("ID") { Description = "As queue list shows them; several may follow.", Arity = ArgumentArity.OneOrMore };
        return remote.Command(
            name,
            description,
            async call =>
            {
                var entries = new List<QueueView>();
                foreach (var id in call.Get(ids))
                {
                    var entry = await call.Api.DoAsync(HttpMethod.Post, $"{Of(id)}/{name}", AdminJson.Default.QueueView, call.Ct);
                    entries.Add(entry);
                    if (!call.Json) call.Say($"{Text.Of(entry.Id)} to {entry.Recipient} {done}.");
                }
                return call.Json ? call.Print(entries, AdminJson.Default.QueueView, _ => { }) : ExitStatus.Done;
            },
            ids);
    }

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
}
