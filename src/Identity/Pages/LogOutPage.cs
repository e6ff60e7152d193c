namespace Posthorn.Identity;

/// <summary><c>/log-out</c>: ends the session of this browser. What mail programs have of their own stays.</summary>
internal static class LogOutPage
{
    public const string Path = "/log-out";

    public static IEnumerable<Route> Routes => [Route.Post(Path, Entry.Anyone, EndAsync)];

    private static async Task EndAsync(Visit visit)
    {
        if (visit.Login is { } login) await visit.Door.EndAsync(visit.Http, login);
        await visit.GoAsync(LogInPage.Path + "?out");
    }
}
