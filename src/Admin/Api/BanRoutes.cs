using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>The networks whose connections are not served.</summary>
internal static class BanRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/bans", "listBans", "Lists the networks that are banned.", AdminJson.Default.BanPage, ListAsync)
            with { Query = [QueryParameter.After, QueryParameter.Limit] },
        Route.Of(
            "POST", "/bans", "addBan", "Bans a network, or changes a ban.", AdminJson.Default.NewBanBody, AdminJson.Default.BanView, AddAsync)
            with { Status = StatusCodes.Status201Created },
        Route.Of("DELETE", "/bans/{network}", "removeBan", "Takes a ban back.", AdminJson.Default.BanView, RemoveAsync),
    ];

    private static async ValueTask<Result<Page<BanView>>> ListAsync(Call call)
    {
        call.By.DemandEverything("list the bans");
        var bans = await call.Parts.Directory.Bans.ListAsync(call.Ct);
        Ban[] all = [.. bans.OrderBy(ban => ban.Network.ToString(), StringComparer.Ordinal)];
        var page = Paging.Cut(all, call, ban => ban.Network.ToString(), out var next);
        return new Page<BanView>([.. page.Select(View)], next);
    }

    private static async ValueTask<Result<BanView>> AddAsync(Call call, NewBanBody body)
    {
        var lifetime = body.LifetimeSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, AdminLimits.BanSecondsMax)) : default(TimeSpan?);
        return View(await call.Parts.Directory.Bans.AddAsync(call.By, NetworkOf(body.Network), Call.ToName(body.Reason), lifetime, call.Ct));
    }

    private static async ValueTask<Result<BanView>> RemoveAsync(Call call) =>
        View(await call.Parts.Directory.Bans.RemoveAsync(call.By, NetworkOf(call.Key), call.Ct));

    internal static IPNetwork NetworkOf(string text)
    {
        if (NetworkSet.TryParse([text], out _, out _))
        {
            if (IPNetwork.TryParse(text, out var network)) return network;
            var address = IPAddress.Parse(text).Unmapped();
            return new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        }
        throw Call.Invalid("a network is an address, or one in CIDR notation such as 192.0.2.0/24, without bits beyond its prefix");
    }

    private static Result<BanView> View(Result<Ban> result) => result.TryGet(out var ban) ? View(ban) : result.Refusal!;

    private static BanView View(Ban ban) => new(ban.Network.ToString(), ban.Reason, ban.CreatedAt, ban.ExpiresAt);
}
