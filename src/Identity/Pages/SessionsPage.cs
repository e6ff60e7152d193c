using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/account/sessions</c>: the browsers that are logged in, each with a button that ends it.</summary>
internal static class SessionsPage
{
    public const string Path = "/account/sessions";

    private static readonly Html ThisBrowser = Html.Of($"<span class=\"badge good\">this browser</span>");

    private const string EndOthers = Path + "/end-others";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Person, ShowAsync),
        Route.Post(Path, Entry.Person, EndAsync),
        Route.Post(EndOthers, Entry.Person, EndOthersAsync),
    ];

    private static async Task ShowAsync(Visit visit)
    {
        var sessions = await visit.Directory.Sessions.ListAsync(visit.Account.Id, visit.Ct);
        var others = sessions.Count(session => session.Id != visit.Session.Id);
        await visit.ShowAsync(new Page("Sessions", Html.Of($"""
            <h1>Sessions</h1>
            <p class="lead">The browsers in which you are logged in. End what you do not know, and change your password then.</p>
            {Fields.Notice(visit.Has("ended") ? "Done: logged out there." : null)}
            <section class="card" aria-label="Sessions">
            <ul class="rows">
            {Html.Join(sessions.OrderByDescending(session => session.Id == visit.Session.Id).Select(session => Row(visit, session)))}
            </ul>
            </section>
            {(others == 0 ? default : Html.Of($"""
            <form class="actions" method="post" action="{EndOthers}">{visit.FormFields(EndOthers)}
            <button class="danger">Log out everywhere else</button></form>
            """))}
            """)));
    }

    private static Html Row(Visit visit, WebSession session)
    {
        var now = visit.Parts.Time.GetUtcNow();
        var isThis = session.Id == visit.Session.Id;
        return Html.Of($"""
            <li><div class="what"><strong>{Words.Browser(session.Origin.Agent)} {(isThis ? ThisBrowser : default)}</strong>
            <span class="soft small">{session.Origin.Remote?.ToString() ?? "this machine"} · used {Words.Ago(session.LastUsedAt, now)}
            · logged in {Words.Ago(session.AuthenticatedAt, now)} by {Words.Methods(session.Methods)}</span></div>
            {(isThis ? default : Html.Of($"""
            <form method="post" action="{Path}">{visit.FormFields(Path)}<input type="hidden" name="session" value="{session.Id}">
            <button class="quiet small" aria-label="End the session of {Words.Browser(session.Origin.Agent)}">End</button></form>
            """))}
            </li>
            """);
    }

    private static async Task EndAsync(Visit visit)
    {
        // One that has ended meanwhile is what was wanted.
        await visit.Directory.Sessions.EndAsync(visit.Account.Id, visit.Form["session"], visit.Ct);
        await visit.GoAsync(Path + "?ended");
    }

    private static async Task EndOthersAsync(Visit visit)
    {
        await visit.Directory.Sessions.EndAllAsync(visit.Account.Id, visit.Session.Id, visit.Ct);
        await visit.GoAsync(Path + "?ended");
    }
}
