using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/account/history</c>: who tried to open the account, from where, and how it ended.</summary>
internal static class HistoryPage
{
    public const string Path = "/account/history";

    private const int RowsMax = 200;

    public static IEnumerable<Route> Routes => [Route.Get(Path, Entry.Person, ShowAsync)];

    private static async Task ShowAsync(Visit visit)
    {
        var records = await visit.Directory.History.ListAsync(visit.Account.Id, RowsMax, visit.Ct);
        var now = visit.Parts.Time.GetUtcNow();
        await visit.ShowAsync(new Page("Log-in history", Html.Of($"""
            <h1>Log-in history</h1>
            <p class="lead">Attempts of the last {LoginHistory.Retention.Days} days, those of an hour together. A wrong password from where you
            are not is common: programs try everybody's. A right one is not.</p>
            {(records.Count == 0 ? Html.Of($"<p>Nothing yet.</p>") : Table(records, now))}
            """)));
    }

    private static Html Table(IReadOnlyList<LoginRecord> records, DateTimeOffset now) => Html.Of($"""
        <section class="card scroll" tabindex="0" aria-label="Attempts to log in"><table>
        <thead><tr><th scope="col">When</th><th scope="col">How</th><th scope="col">From</th><th scope="col">Outcome</th></tr></thead>
        <tbody>
        {Html.Join(records.Select(record => Row(record, now)))}
        </tbody></table></section>
        """);

    private static Html Row(LoginRecord record, DateTimeOffset now) => Html.Of($"""
        <tr><td>{Words.Ago(record.LastAt, now)}</td>
        <td>{Words.Protocol(record.Protocol)} <span class="soft small">{record.Credential}</span></td>
        <td>{record.Remote?.ToString() ?? "this machine"}</td>
        <td>{Outcome(record.Outcome)}{(record.Count == 1 ? default : Html.Of($" <span class=\"soft small\">{record.Count} times</span>"))}</td></tr>
        """);

    private static Html Outcome(LoginOutcome outcome) => outcome switch
    {
        LoginOutcome.Ok => Html.Of($"<span class=\"badge good\">logged in</span>"),
        LoginOutcome.WrongPassword => Html.Of($"<span class=\"badge\">wrong password</span>"),
        LoginOutcome.WrongSecondFactor => Html.Of($"<span class=\"badge bad\">right password, wrong code</span>"),
        LoginOutcome.NotAllowed => Html.Of($"<span class=\"badge bad\">right password, not allowed there</span>"),
        LoginOutcome.Disabled => Html.Of($"<span class=\"badge bad\">account disabled</span>"),
        _ => Html.Of($"<span class=\"badge\">too many attempts</span>"),
    };
}
