using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Posthorn.Admin;
using Posthorn.Delivery;

namespace Posthorn.Server;

/// <summary>Where a message came from and what became of it.</summary>
internal static class TraceCommand
{
    public static Command Create(RemoteOptions remote)
    {
        var line = new Line();
        var command = remote.Group("trace", "Shows the journeys of messages: where each came from, each check, each attempt with its reply.");
        foreach (var symbol in line.Symbols)
        {
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        }
        return remote.Runs(command, line.RunAsync);
    }

    private sealed class Line
    {
        private readonly Argument<string?> _what = new("WHAT")
        {
            Description = "The name of a message, an address, or a Message-ID in <>.",
            Arity = ArgumentArity.ZeroOrOne,
        };

        private readonly Option<long?> _queue = new("--queue") { Description = "The number of a recipient in the queue.", HelpName = "ID" };
        private readonly Option<string?> _since = new("--since") { Description = "Not before, as 2026-11-26T10:00:00Z.", HelpName = "TIME" };
        private readonly Option<string?> _until = new("--until") { Description = "Not after.", HelpName = "TIME" };
        private readonly Option<int> _limit = new("--limit")
        {
            Description = "Messages to show at most.",
            HelpName = "NUMBER",
            DefaultValueFactory = _ => 20,
        };

        private readonly Option<bool> _export = new("--export") { Description = "Every step as a line of JSON, in the order of time." };

        public IReadOnlyList<Symbol> Symbols => [_what, _queue, _since, _until, _limit, _export];

        public async Task<int> RunAsync(RemoteCall call)
        {
            var query = Query(call);
            if (call.Get(_export))
            {
                await foreach (var step in call.Api.LinesAsync(
                    HttpMethod.Get, "trace/export" + (query.Length > 0 ? "?" + query : ""), AdminJson.Default.TraceView, call.Ct))
                {
                    await call.Output.WriteLineAsync(JsonSerializer.Serialize(step, AdminJson.Default.TraceView));
                }
                return ExitStatus.Done;
            }
            var limit = string.Create(CultureInfo.InvariantCulture, $"limit={Math.Clamp(call.Get(_limit), 1, 1000)}");
            var page = await call.Api.GetAsync("trace?" + (query.Length > 0 ? query + "&" : "") + limit, AdminJson.Default.TracePage, call.Ct);
            return call.Print(page.Items, AdminJson.Default.TraceView, steps => Tell(call, steps));
        }

        private string Query(RemoteCall call)
        {
            var parts = new List<string>();
            if (call.Get(_what) is { } what)
            {
                var name = what.StartsWith('<') ? "messageId" : what.Contains('@', StringComparison.Ordinal) ? "address" : "message";
                parts.Add($"{name}={ApiClient.Segment(what)}");
            }
            if (call.Get(_queue) is { } queue) parts.Add(string.Create(CultureInfo.InvariantCulture, $"queue={queue}"));
            if (call.Get(_since) is { } since) parts.Add("since=" + ApiClient.Segment(since));
            if (call.Get(_until) is { } until) parts.Add("until=" + ApiClient.Segment(until));
            return string.Join('&', parts);
        }

        private static void Tell(RemoteCall call, IReadOnlyList<TraceView> steps)
        {
            if (steps.Count == 0) call.Say("No message leaves such a trace.");
            string? message = null;
            foreach (var step in steps)
            {
                if (step.Message != message)
                {
                    if (message is not null) call.Say("");
                    call.Say($"{step.Message}");
                }
                message = step.Message;
                call.Say($"  {Text.Of(step.At)}  {JourneyText.Word(step.Step),-9}  {Sentence(step)}");
            }
        }

        private static string Sentence(TraceView step)
        {
            var parts = new List<string>();
            if (step.Client is { } client) parts.Add($"from {step.Name} [{client}]");
            else if (step.Name is { } name) parts.Add(name);
            if (step.With is { } with) parts.Add("with " + with);
            if (step.Tls is { } tls) parts.Add(tls);
            if (step.User is { } user) parts.Add("as " + user);
            if (step.From is { } from) parts.Add($"<{from}>");
            if (step.To.Count > 0) parts.Add("to " + string.Join(' ', step.To));
            if (step.MessageId is { } id) parts.Add($"id <{id}>");
            if (step.Size is { } size) parts.Add(Text.OfSize(size));
            if (step.Host is { } host) parts.Add("at " + host);
            if (step.Text is { } text) parts.Add(text);
            if (step.Next is { } next) parts.Add("next " + Text.Of(next));
            return string.Join(", ", parts);
        }
    }
}
