using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/account/devices</c>: a password for each mail program, made here, shown once, and taken back.</summary>
internal static class DevicesPage
{
    public const string Path = "/account/devices";

    private const string NewPath = Path + "/new";
    private const string RevokePath = Path + "/revoke";

    private static readonly (string Value, string Text, AppScopes Scopes)[] Purposes =
    [
        ("all", "Everything: mail, calendars, contacts", AppScopes.All),
        ("mail", "Reading and sending mail", AppScopes.Imap | AppScopes.Pop3 | AppScopes.Smtp | AppScopes.Sieve | AppScopes.Jmap),
        ("read", "Reading mail only", AppScopes.Imap | AppScopes.Pop3 | AppScopes.Jmap),
        ("send", "Sending mail only", AppScopes.Smtp),
        ("groupware", "Calendars and contacts only", AppScopes.CalDav | AppScopes.CardDav),
    ];

    private static readonly (string Value, string Text, int? Days)[] Lifetimes =
        [("never", "It does not end", null), ("30", "30 days", 30), ("90", "90 days", 90), ("365", "A year", 365)];

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Person, ShowAsync),
        Route.Get(NewPath, Entry.Fresh, visit => ShowFormAsync(visit, null)),
        Route.Post(NewPath, Entry.Fresh, AddAsync),
        Route.Post(RevokePath, Entry.Person, RevokeAsync),
    ];

    private static async Task ShowAsync(Visit visit)
    {
        var all = await visit.Directory.AppPasswords.ListAsync(visit.Account.Id, visit.Ct);
        var inUse = all.Where(static one => one.RevokedAt is null).ToList();
        await visit.ShowAsync(new Page("Devices", Html.Of($"""
            <h1>Devices</h1>
            <p class="lead">Give each telephone and each mail program a password of its own. When one is lost, you take back that one.</p>
            {Fields.Notice(visit.Has("revoked") ? "Done: that password opens nothing more, and what it had opened is closed." : null)}
            {(inUse.Count == 0 ? default : List(visit, inUse))}
            <p class="actions"><a class="button" href="{NewPath}">New device</a></p>
            """)));
    }

    private static Task ShowFormAsync(Visit visit, Refusal? refusal) => visit.ShowAsync(new Page(
        (refusal is null ? "" : "Error: ") + "A new device",
        Html.Of($"""
            <h1>A new device</h1>
            <p class="lead">It gets a password that only this device knows.</p>
            {Fields.Problem(refusal?.Text, "label")}
            {NewForm(visit, refusal)}
            """))
    {
        Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
    });

    private static Html List(Visit visit, IReadOnlyList<AppPassword> passwords) => Html.Of($"""
        <section class="card" aria-label="Your devices"><ul class="rows">
        {Html.Join(passwords.Select(one => Row(visit, one)))}
        </ul></section>
        """);

    private static Html Row(Visit visit, AppPassword password)
    {
        var now = visit.Parts.Time.GetUtcNow();
        return Html.Of($"""
            <li><div class="what"><strong>{password.Label} {(password.ExpiresAt <= now ? Ended : default)}</strong>
            <span class="soft small">{Used(password, now)} · made {Words.Ago(password.CreatedAt, now)} by {password.CreatedBy}
            · for {ScopesOf(password.Scopes)}{Narrowed(password)}</span></div>
            <form method="post" action="{RevokePath}">{visit.FormFields(RevokePath)}<input type="hidden" name="device" value="{password.Id}">
            <button class="quiet small" aria-label="Revoke the password of {password.Label}">Revoke</button></form></li>
            """);
    }

    private static Html Ended { get; } = Html.Of($"<span class=\"badge bad\">ended</span>");

    private static Html Used(AppPassword password, DateTimeOffset now)
    {
        if (password.LastUse is not { } use) return Html.Of($"not used yet");
        var client = use.Client.Length == 0 ? "" : $", {use.Client}";
        return Html.Of($"used {Words.Ago(use.At, now)} from {use.Remote?.ToString() ?? "this machine"} ({Words.Protocol(use.Protocol)}{client})");
    }

    private static string ScopesOf(AppScopes scopes) => Purposes.FirstOrDefault(one => one.Scopes == scopes).Text is { } text
        ? char.ToLowerInvariant(text[0]) + text[1..] : string.Join(", ", AppScopeNames.Of(scopes));

    private static string Narrowed(AppPassword password) =>
        (password.ExpiresAt is { } end ? " · until " + Words.Day(end) : "")
        + (password.Networks.Texts.Count > 0 ? " · only from " + string.Join(", ", password.Networks.Texts) : "");

    private static Html NewForm(Visit visit, Refusal? refusal) => Html.Of($"""
        <section class="card"><form method="post" action="{NewPath}">{visit.FormFields(NewPath)}
        {Fields.Input(
            "label", "Name of the device", "text", "off", visit.Form["label"], "As “Ann's phone”.",
            refusal is null ? null : Fields.Sentence(refusal.Text), Html.Of($" maxlength=\"60\" required"))}
        {Choice("purpose", "What it is for", Purposes.Select(static one => (one.Value, one.Text)), visit.Form["purpose"])}
        {Choice("lifetime", "How long it works", Lifetimes.Select(static one => (one.Value, one.Text)), visit.Form["lifetime"])}
        {Fields.Input(
            "networks", "Only from these networks", "text", "off", visit.Form["networks"],
            "Optional: addresses or networks with spaces between, as 192.0.2.0/24.")}
        <div class="actions"><button>Make the password</button><a href="{Path}">Not now</a></div></form></section>
        """);

    private static Html Choice(string name, string label, IEnumerable<(string Value, string Text)> options, string chosen) => Html.Of($"""
        <div class="field"><label for="{name}">{label}</label><select id="{name}" name="{name}">
        {Html.Join(options.Select(one =>
            Html.Of($"<option value=\"{one.Value}\"{(one.Value == chosen ? Html.Of($" selected") : default)}>{one.Text}</option>")))}
        </select></div>
        """);

    private static async Task AddAsync(Visit visit)
    {
        var networks = AllowedNetworks.Parse(visit.Form["networks"].Split([' ', ','], StringSplitOptions.RemoveEmptyEntries));
        if (!networks.TryGet(out var allowed))
        {
            await ShowFormAsync(visit, networks.Refusal);
            return;
        }
        var days = Lifetimes.FirstOrDefault(one => one.Value == visit.Form["lifetime"]).Days;
        var purpose = Purposes.FirstOrDefault(one => one.Value == visit.Form["purpose"]);
        var wanted = new NewAppPassword(visit.Form["label"])
        {
            Scopes = purpose.Scopes,
            Networks = allowed,
            Lifetime = days is { } count ? TimeSpan.FromDays(count) : null,
        };
        var remote = visit.Http.Connection.RemoteIpAddress;
        var added = await visit.Directory.AppPasswords.AddOwnAsync(visit.Account.Id, wanted, remote, visit.Ct);
        if (added.TryGet(out var issued)) await ShowSecretAsync(visit, issued);
        else await ShowFormAsync(visit, added.Refusal);
    }

    // The groups are for the eye: between them is no space that would be copied.
    private static Task ShowSecretAsync(Visit visit, IssuedAppPassword issued)
    {
        var address = visit.Account.Address.ToString();
        var groups = Html.Join(issued.Secret.Chunk(4).Select(static four => Html.Of($"<span>{new string(four)}</span>")));
        var profile = "/mail/apple.mobileconfig?emailaddress=" + Uri.EscapeDataString(address);
        return visit.ShowAsync(new Page("Password of " + issued.Password.Label, Html.Of($"""
            <h1>{issued.Password.Label}</h1>
            <p class="lead">Type this into the device now: it is not shown again.</p>
            <section class="card side">
            {QrCode.Of(issued.Secret, "QR code of the password")}
            <div><h2>Password</h2>
            <p class="secret groups">{groups}</p>
            <dl><dt>User name</dt><dd>{address}</dd>
            <dt>User name where the program uses SCRAM</dt><dd>{address}+{issued.Password.Id}</dd></dl></div>
            </section>
            <section class="card"><h2>Set up the rest</h2>
            <p class="soft">Thunderbird and Outlook find the servers by your address. For iPhone, iPad and Mac there is a profile with everything but
            the password; others need the <a href="/">settings for mail programs</a>.</p>
            <p class="actions"><a class="button quiet small" href="{profile}">Profile for Apple devices</a></p></section>
            <p class="actions"><a class="button" href="{Path}">The device has it</a></p>
            """)));
    }

    private static async Task RevokeAsync(Visit visit)
    {
        // One that has been revoked meanwhile is what was wanted.
        await visit.Directory.AppPasswords.RevokeOwnAsync(visit.Account.Id, visit.Form["device"], visit.Ct);
        await visit.GoAsync(Path + "?revoked");
    }
}
