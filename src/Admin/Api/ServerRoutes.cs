using Posthorn.Core;

namespace Posthorn.Admin;

internal static class ServerRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of(
            "GET", "/server", "showServer", "Shows the server's name, its version and what clients connect to.",
            AdminJson.Default.ServerView, ShowAsync),
    ];

    private static ValueTask<Result<ServerView>> ShowAsync(Call call)
    {
        var facts = call.Parts.Facts;
        return ValueTask.FromResult<Result<ServerView>>(new ServerView(facts.Hostname.Ascii, facts.Version, facts.Services));
    }
}
