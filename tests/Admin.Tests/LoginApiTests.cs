using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin.Tests;

public sealed class LoginApiTests
{
    private const string Ann = "/api/v1/accounts/ann@example.test";

    [Fact]
    public async Task An_administrator_sees_sessions_and_history_and_ends_what_is_open()
    {
        await using var host = await TestHost.StartAsync();
        var ann = await host.AccountAsync("ann@example.test");
        var context = new LoginContext("imap", IPAddress.Parse("192.0.2.7"), true);
        await host.Directory.Authenticator.PasswordAsync("ann@example.test", Encoding.UTF8.GetBytes("wrong wrong"), context);
        var origin = new SessionOrigin(IPAddress.Parse("192.0.2.7"), "a browser");
        var issued = (await host.Directory.Sessions.BeginAsync(ann.Id, new Proven(LoginMethods.Password), origin)).Require();
        var socket = host.OverSocket();

        var sessions = (await socket.GetAsync(Ann + "/sessions")).Is(HttpStatusCode.OK);
        Assert.Equal("a browser", (string?)sessions.Json!["items"]![0]!["agent"]);
        Assert.Equal("pwd", (string?)sessions.Json["items"]![0]!["methods"]![0]);
        Assert.DoesNotContain(issued.Secret[16..], sessions.Text, StringComparison.Ordinal);
        var logins = (await socket.GetAsync(Ann + "/logins")).Is(HttpStatusCode.OK);
        Assert.Equal("wrong-password", (string?)logins.Json!["items"]![0]!["outcome"]);
        Assert.Equal("192.0.2.7", (string?)logins.Json["items"]![0]!["remote"]);

        Assert.Equal(1, (int)(await socket.SendAsync(HttpMethod.Delete, Ann + "/sessions")).Is(HttpStatusCode.OK).Json!["ended"]!);
        Assert.Null(await host.Directory.Sessions.FindAsync(issued.Secret));
        Assert.Equal(0, (int)(await socket.GetAsync(Ann + "/factors")).Json!["passkeys"]!);
        (await socket.SendAsync(HttpMethod.Delete, Ann + "/factors")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_link_for_a_password_is_shown_once_and_leads_to_the_pages()
    {
        await using var host = await TestHost.StartAsync();
        await host.AccountAsync("ann@example.test");
        var made = (await host.OverSocket().PostAsync(Ann + "/password-link", """{"lifetimeSeconds":3600}""")).Is(HttpStatusCode.Created);
        var url = new Uri((string)made.Json!["url"]!);
        Assert.Equal("https://mail.example.test", url.GetLeftPart(UriPartial.Authority));
        var secret = url.AbsolutePath["/password-link/".Length..];
        Assert.True((await host.Directory.PasswordLinks.FindAsync(secret)).Ok);
        Assert.DoesNotContain(secret, host.Log.Text, StringComparison.Ordinal);
        (await host.OverSocket().PostAsync(Ann + "/password-link", """{"lifetimeSeconds":9999999}""")).Is(HttpStatusCode.BadRequest);
        (await host.OverSocket().PostAsync("/api/v1/accounts/nobody@example.test/password-link", "{}")).Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Who_administers_a_domain_does_not_look_after_the_servers_administrator()
    {
        await using var host = await TestHost.StartAsync();
        await host.AccountAsync("root@example.test", Role.Admin);
        var client = host.OverHttps(await host.TokenAsync(TokenScopes.Admin, "example.test"));
        foreach (var what in new[] { "sessions", "logins", "factors" })
        {
            (await client.GetAsync("/api/v1/accounts/root@example.test/" + what)).Is(HttpStatusCode.Forbidden);
        }
        (await client.PostAsync("/api/v1/accounts/root@example.test/password-link", "{}")).Is(HttpStatusCode.Forbidden);
        (await client.SendAsync(HttpMethod.Delete, "/api/v1/accounts/root@example.test/factors")).Is(HttpStatusCode.Forbidden);
    }
}
