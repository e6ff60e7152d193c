using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Posthorn.Admin;
using Posthorn.Delivery;

namespace Posthorn.Server;

internal static class RuleCommands
{
    private const string Path = "rules";

    private static readonly string[] Actions = [.. Enum.GetValues<RuleAction>().Select(Word)];

    public static Command Create(RemoteOptions remote) =>
        remote.Group("rule", "The rules that every recipient and every message is asked about.", List(remote), Add(remote), Remove(remote));

    private static Command List(RemoteOptions remote) => remote.Command(
        "list",
        "Lists the rules in their order.",
        async call => call.Print(
            await call.Api.ListAsync(Path, AdminJson.Default.RulePage, call.Ct),
            AdminJson.Default.RuleView,
            rules => Text.WriteTable(
                call.Output,
                ["ID", "POSITION", "WHEN", "THEN", "TEXT"],
                rules.Select(r => new[] { Text.Of(r.Id), Text.Of(r.Position), When(r), Word(r.Action), r.Text }))));

    private static Command Add(RemoteOptions remote)
    {
        var action = new Argument<string>("ACTION") { Description = "What is done: " + string.Join(", ", Actions) + "." };
        action.AcceptOnlyFromAmong(Actions);
        var text = new Option<string>("--text")
        {
            Description = "The reply, the reason of a quarantine, the header field (in one that is rewritten, * stands for what was in it), "
                + "the address of a redirection, or the number of a route.",
            DefaultValueFactory = _ => "",
        };
        var position = new Option<int>("--position") { Description = "Rules are asked in this order.", DefaultValueFactory = _ => 100 };
        var listener = Condition("--listener", "mx, submission or lmtp.", "LISTENER");
        var network = Condition("--network", "Of the client, as 192.0.2.0/24.", "CIDR");
        var helo = Condition("--helo", "A pattern for the client's name.", "PATTERN");
        var sender = Condition("--sender", "A pattern for the sender of the envelope.", "PATTERN");
        var recipient = Condition("--recipient", "A pattern for a recipient.", "PATTERN");
        var header = Condition("--header", "A field and a pattern for its value, as 'Subject: *lottery*'.", "PATTERN");
        var verdict = Condition("--verdict", "What was found out of its origin, as dmarc=fail or spf!=pass.", "METHOD=RESULT");
        return remote.Command(
            "add",
            "Makes a rule; it holds when all its conditions do.",
            async call =>
            {
                var wanted = Enum.Parse<RuleAction>(call.Get(action)!.Replace("-", "", StringComparison.Ordinal), ignoreCase: true);
                var body = new NewRuleBody(
                    wanted, call.Get(position), call.Get(listener), call.Get(network), call.Get(helo), call.Get(sender), call.Get(recipient),
                    call.Get(header), call.Get(verdict), call.Get(text)!);
                return call.Print(
                    await call.Api.SendAsync(HttpMethod.Post, Path, body, AdminJson.Default.NewRuleBody, AdminJson.Default.RuleView, call.Ct),
                    AdminJson.Default.RuleView,
                    rule => call.Say($"Rule {rule.Id} is made."));
            },
            action, text, position, listener, network, helo, sender, recipient, header, verdict);
    }

    private static Command Remove(RemoteOptions remote)
    {
        var id = new Argument<long>("ID") { Description = "As rule list shows it." };
        return remote.Command(
            "remove",
            "Removes a rule.",
            async call => call.Print(
                await call.Api.DoAsync(
                    HttpMethod.Delete, $"{Path}/{call.Get(id).ToString(CultureInfo.InvariantCulture)}", AdminJson.Default.RuleView, call.Ct),
                AdminJson.Default.RuleView,
                rule => call.Say($"Rule {rule.Id} is removed.")),
            id);
    }

    private static Option<string?> Condition(string name, string description, string help) =>
        new(name) { Description = description, HelpName = help };

    private static string When(RuleView rule)
    {
        (string Name, string? Pattern)[] conditions =
        [
            ("listener", rule.Listener), ("network", rule.Network), ("helo", rule.Helo), ("sender", rule.Sender), ("recipient", rule.Recipient),
            ("header", rule.Header), ("verdict", rule.Verdict),
        ];
        var named = conditions.Where(static condition => condition.Pattern is not null)
            .Select(static condition => $"{condition.Name}={condition.Pattern}");
        return string.Join(' ', named) is { Length: > 0 } text ? text : "always";
    }

    private static string Word(RuleAction action) => JsonNamingPolicy.KebabCaseLower.ConvertName(action.ToString());
}
