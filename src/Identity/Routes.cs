namespace Posthorn.Identity;

/// <summary>The table of everything that this room answers. Each page brings its own lines.</summary>
internal static class Routes
{
    public static IReadOnlyList<Route> All { get; } =
    [
        .. HomePage.Routes,
        .. LogInPage.Routes,
        .. SecondStepPage.Routes,
        .. AgainPage.Routes,
        .. LogOutPage.Routes,
        .. OverviewPage.Routes,
        .. DevicesPage.Routes,
        .. SessionsPage.Routes,
        .. PasswordPage.Routes,
        .. TwoStepPage.Routes,
        .. PasskeysPage.Routes,
        .. HistoryPage.Routes,
        .. LinkPage.Routes,
    ];

    /// <summary>The route that answers, or null.</summary>
    /// <param name="key">What stands for the route's parameter.</param>
    /// <param name="pathIsThere">True also when only the method is wrong.</param>
    public static Route? Find(string method, string path, out string key, out bool pathIsThere)
    {
        key = "";
        pathIsThere = false;
        foreach (var candidate in All)
        {
            if (!candidate.Matches(path, out var found)) continue;
            pathIsThere = true;
            if (!candidate.Answers(method)) continue;
            key = found;
            return candidate;
        }
        return null;
    }
}
