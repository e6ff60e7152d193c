using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>The rules that every recipient and every message is asked about.</summary>
internal static class RuleRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/rules", "listRules", "Lists the rules in their order.", AdminJson.Default.RulePage, ListAsync)
            with { Query = [QueryParameter.After, QueryParameter.Limit] },
        Route.Of("POST", "/rules", "addRule", "Makes a rule.", AdminJson.Default.NewRuleBody, AdminJson.Default.RuleView, AddAsync)
            with { Status = StatusCodes.Status201Created },
        Route.Of("DELETE", "/rules/{id}", "removeRule", "Removes a rule.", AdminJson.Default.RuleView, RemoveAsync),
    ];

    private static async ValueTask<Result<Page<RuleView>>> ListAsync(Call call)
    {
        call.By.DemandEverything("list the rules");
        var rules = await call.Parts.Rules.ListAsync(call.Ct);
        var page = Paging.Cut(rules, call, static rule => $"{rule.Position:D10}.{rule.Id:D19}", out var next);
        return new Page<RuleView>([.. page.Select(View)], next);
    }

    private static async ValueTask<Result<RuleView>> AddAsync(Call call, NewRuleBody body)
    {
        if (body.Position is < 0 or > 1_000_000) throw Call.Invalid("a position is a number from 0 to 1000000");
        var network = body.Network is { } text ? BanRoutes.NetworkOf(text) : default(System.Net.IPNetwork?);
        VerdictCondition? verdict = null;
        if (body.Verdict is not null && !VerdictCondition.TryParse(body.Verdict, out verdict))
        {
            throw Call.Invalid("a verdict is a method and a result, as dmarc=fail or spf!=pass");
        }
        var match = new RuleMatch(body.Listener, network, body.Helo, body.Sender, body.Recipient, body.Header, verdict);
        return View(await call.Parts.Rules.AddAsync(call.By, body.Position, match, body.Action, body.Text, call.Ct));
    }

    private static async ValueTask<Result<RuleView>> RemoveAsync(Call call) =>
        View(await call.Parts.Rules.RemoveAsync(call.By, call.KeyNumber(), call.Ct));

    private static Result<RuleView> View(Result<StageRule> result) => result.TryGet(out var rule) ? View(rule) : result.Refusal!;

    private static RuleView View(StageRule rule)
    {
        var (match, network) = (rule.Match, rule.Match.Network?.ToString());
        return new RuleView(
            rule.Id, rule.Position, match.Listener, network, match.Helo, match.Sender, match.Recipient, match.Header,
            match.Verdict?.ToString(), rule.Action, rule.Text);
    }
}
