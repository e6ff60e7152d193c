using Posthorn.Core;

namespace Posthorn.Identity;

/// <summary><c>/</c>: what runs here, and what to type into a mail client.</summary>
internal static class HomePage
{
    public static IEnumerable<Route> Routes => [Route.Get("/", Entry.Anyone, ShowAsync)];

    private static Task ShowAsync(Visit visit)
    {
        var facts = visit.Parts.Facts;
        var incoming = Of(facts, ClientProtocol.Imap) ?? Of(facts, ClientProtocol.Pop3);
        var outgoing = Of(facts, ClientProtocol.Submission);
        var host = facts.Hostname.Unicode;
        var content = Html.Of($"""
            <h1>{host}</h1>
            <p class="lead">This server keeps and sends mail. Add an account to your mail program with your e-mail address, your password and
            these settings.</p>
            <p><a class="button" href="{OverviewPage.Path}">{(visit.IsLoggedIn ? "Your account" : "Log in to your account")}</a></p>
            <div class="cards">
            {Card("Incoming mail", host, incoming)}
            {Card("Outgoing mail", host, outgoing)}
            <section class="card wide" aria-label="Log-in">
            <h2>Log-in</h2>
            <dl>
            <dt>User name</dt><dd>your whole e-mail address</dd>
            <dt>Password</dt><dd>the same for incoming and outgoing mail</dd>
            </dl>
            </section>
            </div>
            {Others(facts, incoming, outgoing)}
            """);
        return visit.ShowAsync(new Page("Mail on " + host, content));
    }

    private static ClientService? Of(ServerFacts facts, ClientProtocol protocol) =>
        facts.Services.Where(service => service.Protocol == protocol).OrderBy(service => service.Security).FirstOrDefault();

    private static Html Card(string title, string host, ClientService? service) => service is null ? default : Html.Of($"""
        <section class="card" aria-label="{title}">
        <h2>{title}</h2>
        <dl>
        <dt>Protocol</dt><dd>{NameOf(service.Protocol)}</dd>
        <dt>Server</dt><dd>{host}</dd>
        <dt>Port</dt><dd>{service.Port}</dd>
        <dt>Security</dt><dd>{NameOf(service.Security)}</dd>
        </dl>
        </section>
        """);

    private static Html Others(ServerFacts facts, ClientService? incoming, ClientService? outgoing)
    {
        var others = facts.Services.Where(service => service != incoming && service != outgoing).ToList();
        if (others.Count == 0) return default;
        return Html.Of($"""
            <details>
            <summary>For programs that cannot use these ports</summary>
            <div class="scroll"><table>
            <thead><tr><th scope="col">Protocol</th><th scope="col">Port</th><th scope="col">Security</th></tr></thead>
            <tbody>
            {Html.Join(others.Select(Row))}
            </tbody>
            </table></div>
            </details>
            """);
    }

    private static Html Row(ClientService service) =>
        Html.Of($"<tr><td>{NameOf(service.Protocol)}</td><td>{service.Port}</td><td>{NameOf(service.Security)}</td></tr>");

    private static string NameOf(ClientProtocol protocol) => protocol switch
    {
        ClientProtocol.Imap => "IMAP",
        ClientProtocol.Pop3 => "POP3",
        _ => "SMTP",
    };

    // The words that mail programs use.
    private static string NameOf(ConnectionSecurity security) => security == ConnectionSecurity.Tls ? "SSL/TLS" : "STARTTLS";
}
