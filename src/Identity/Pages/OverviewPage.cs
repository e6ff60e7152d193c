namespace Posthorn.Identity;

/// <summary><c>/account</c>: what there is to see and to change.</summary>
internal static class OverviewPage
{
    public const string Path = "/account";

    public static IEnumerable<Route> Routes => [Route.Get(Path, Entry.Person, ShowAsync)];

    private static async Task ShowAsync(Visit visit)
    {
        var factors = await visit.Directory.SecondFactors.StateAsync(visit.Account.Id, visit.Ct);
        var sessions = await visit.Directory.Sessions.ListAsync(visit.Account.Id, visit.Ct);
        var name = visit.Account.Name.Length > 0 ? visit.Account.Name : visit.Account.Address.ToString();
        await visit.ShowAsync(new Page("Your account", Html.Of($"""
            <h1>{name}</h1>
            <p class="lead">Your mail account, and who can open it.</p>
            {Fields.Notice(visit.Has("password") ? "Your password is changed. Every other browser has been logged out." : null)}
            <div class="cards">
            {Card(DevicesPage.Path, "Devices", "A password for each telephone and mail program")}
            {Card(SessionsPage.Path, "Sessions", Words.Count(sessions.Count, "browser is logged in", "browsers are logged in"))}
            {Card(PasswordPage.Path, "Password", "Change your password")}
            {Card(TwoStepPage.Path, "Two-step log-in", factors.IsAsked ? "On" : "Off: the password alone is enough")}
            {Card(PasskeysPage.Path, "Passkeys", PasskeysOf(factors.Passkeys))}
            {Card(HistoryPage.Path, "Log-in history", "Who tried to open your account")}
            {Card("/", "Settings for mail programs", "Servers, ports and security")}
            </div>
            """)));
    }

    private static string PasskeysOf(int count) => count == 0 ? "Log in by finger, face or PIN" : Words.Count(count, "passkey", "passkeys");

    private static Html Card(string path, string title, string text) => Html.Of($"""
        <a class="card" href="{path}"><h2>{title}</h2><p class="soft">{text}</p></a>
        """);
}
