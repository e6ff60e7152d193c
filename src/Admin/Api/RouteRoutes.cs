using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>The rules of where mail goes that leaves. They are the whole server's.</summary>
internal static class RouteRoutes
{
    private const int SubmissionPort = 587;
    private const int SubmissionsPort = 465;
    private const int LmtpPort = 24;

    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/routes", "listRoutes", "Lists the routes in their order.", AdminJson.Default.RoutePage, ListAsync)
            with { Query = [QueryParameter.After, QueryParameter.Limit] },
        Route.Of(
            "POST", "/routes", "addRoute", "Adds a route; what waits goes by it from now on.", AdminJson.Default.NewRouteBody,
            AdminJson.Default.RouteView, AddAsync) with { Status = StatusCodes.Status201Created },
        Route.Of("DELETE", "/routes/{id}", "removeRoute", "Removes a route; what waits for it goes by the others.", AdminJson.Default.RouteView,
            RemoveAsync),
    ];

    private static async ValueTask<Result<Page<RouteView>>> ListAsync(Call call)
    {
        Demand(call);
        var routes = await call.Parts.Routes.ListAsync(call.Ct);
        var page = Paging.Cut(routes, call, static route => $"{route.Position:D10}.{route.Id:D19}", out var next);
        var views = new List<RouteView>();
        foreach (var route in page) views.Add(await ViewAsync(call, route));
        return new Page<RouteView>(views, next);
    }

    private static async ValueTask<Result<RouteView>> AddAsync(Call call, NewRouteBody body)
    {
        Demand(call);
        var preset = body.Preset is { } name ? RelayPresets.Find(name) ?? throw Call.Invalid("there is no such preset") : null;
        if (preset is not null && (body.Host ?? body.Socks) is not null) throw Call.Invalid("a preset has a host of its own");
        var action = body.Action ?? (preset is not null || body.Host is not null ? RouteAction.Relay : throw Call.Invalid("say what the route does"));
        if (preset is not null && action != RouteAction.Relay) throw Call.Invalid("a preset is a relay");
        var security = body.Security ?? preset?.Security ?? (action == RouteAction.Lmtp ? HopSecurity.None : HopSecurity.StartTls);
        var wanted = new MailRoute
        {
            Position = body.Position ?? 0,
            Action = action,
            Match = await MatchAsync(call, body),
            Host = preset?.Host ?? body.Host,
            Port = body.Port ?? preset?.Port ?? PortOf(action, security),
            Security = security,
            Login = body.Login ?? preset?.Login,
            Sources = [.. (body.Sources ?? []).Select(Parse)],
            Socks = body.Socks is { } proxy
                ? IPEndPoint.TryParse(proxy, out var end) && end.Port > 0 ? end : throw Call.Invalid("a proxy is an address and a port")
                : null,
            Mailbox = body.Mailbox is { } mailbox ? Call.ToAddress(mailbox) : null,
            Text = body.Text is { } text ? Call.ToName(text) : null,
            Lifetime = body.LifetimeSeconds is { } seconds ? ToSpan(seconds) : null,
            Retry = [.. (body.RetrySeconds ?? []).Select(ToSpan)],
        };
        var added = await call.Parts.Routes.AddAsync(wanted, Encoding.UTF8.GetBytes(body.Password ?? ""), call.Ct);
        return added.TryGet(out var route) ? await ViewAsync(call, route) : added.Refusal!;
    }

    private static async ValueTask<Result<RouteView>> RemoveAsync(Call call)
    {
        Demand(call);
        var removed = await call.Parts.Routes.RemoveAsync(call.KeyNumber(), call.Ct);
        return removed.TryGet(out var route) ? await ViewAsync(call, route) : removed.Refusal!;
    }

    private static async ValueTask<RouteMatch> MatchAsync(Call call, NewRouteBody body)
    {
        Account? account = null;
        if (body.SenderAccount is { } text)
        {
            account = await call.Parts.Directory.Accounts.FindAsync(Call.ToAddress(text), call.Ct)
                ?? throw Call.Invalid("there is no account of the sender");
        }
        return new RouteMatch
        {
            RecipientDomain = Pattern(body.RecipientDomain),
            SenderDomain = Pattern(body.SenderDomain),
            SenderAccount = account?.Id,
            SizeMin = body.SizeMin is null or >= 0 ? body.SizeMin : throw Call.Invalid("sizeMin is a number of octets"),
            Header = body.Header,
            HeaderText = body.HeaderText is { } part ? Call.ToName(part) : null,
        };
    }

    private static string? Pattern(string? text)
    {
        if (text is null) return null;
        return text.StartsWith("*.", StringComparison.Ordinal) ? "*." + Call.ToDomain(text[2..]).Ascii : Call.ToDomain(text).Ascii;
    }

    private static int PortOf(RouteAction action, HopSecurity security) => action switch
    {
        RouteAction.Relay => security == HopSecurity.Tls ? SubmissionsPort : SubmissionPort,
        RouteAction.Lmtp => LmtpPort,
        _ => 0,
    };

    private static TimeSpan ToSpan(long seconds) =>
        seconds is > 0 and <= 365L * 24 * 3600 ? TimeSpan.FromSeconds(seconds) : throw Call.Invalid("a time is at least a second and at most a year");

    private static IPAddress Parse(string text) =>
        IPAddress.TryParse(text, out var address) ? address : throw Call.Invalid("a source is an address of this machine");

    private static void Demand(Call call) => call.By.DemandEverything("route mail");

    private static async ValueTask<RouteView> ViewAsync(Call call, MailRoute route)
    {
        var isNamed = route.Host is not null;
        var account = route.Match.SenderAccount is { } id ? await call.Parts.Directory.Accounts.FindAsync(id, call.Ct) : null;
        return new RouteView(
            route.Id, route.Position, route.Action, route.Match.RecipientDomain, route.Match.SenderDomain,
            account?.Address.ToString() ?? route.Match.SenderAccount?.ToString(), route.Match.SizeMin, route.Match.Header, route.Match.HeaderText,
            route.Host, isNamed ? route.Port : null, isNamed ? route.Security : null, route.Login,
            [.. route.Sources.Select(source => source.ToString())], route.Socks?.ToString(), route.Mailbox?.ToString(), route.Text,
            (long?)route.Lifetime?.TotalSeconds, [.. route.Retry.Select(delay => (long)delay.TotalSeconds)]);
    }
}
