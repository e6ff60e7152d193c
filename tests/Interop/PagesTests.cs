using System.Text.RegularExpressions;

namespace Posthorn.Interop;

/// <summary>
/// The pages for people, as Chromium shows them: every road through the log-in, in light, dark and narrow, under axe's rules of access.
/// </summary>
public sealed partial class PagesTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task Chromium_walks_through_every_page_by_password_code_and_passkey()
    {
        var person = await Server.AddPersonAsync("walker", "--name", "Wanda Walker");
        var walk = await Peer.NodeAsync("pages.mjs", Patience, $"https://localhost:{Server.Https}", person.Address, person.Password);
        Assert.Equal("ok", walk.Require().TrimEnd().Split('\n')[^1]);
        Assert.DoesNotContain(person.Password, Server.Log, StringComparison.Ordinal);

        // What the browser did is seen by the administrator, who takes the second factors away again.
        var history = (await Server.CliAsync(["account", "history", person.Address])).Require();
        Assert.Contains("wrong-password", history, StringComparison.Ordinal);
        Assert.Contains("web", history, StringComparison.Ordinal);
        Assert.Contains("Chrome", (await Server.CliAsync(["account", "sessions", person.Address])).Require(), StringComparison.Ordinal);
        Assert.Contains("password alone", (await Server.CliAsync(["account", "reset-mfa", person.Address])).Require(), StringComparison.Ordinal);
        Assert.DoesNotContain("Chrome", (await Server.CliAsync(["account", "sessions", person.Address])).Require(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_from_the_command_line_sets_a_password_by_curl()
    {
        var address = $"linked@{PosthornServer.Domain}";
        (await Server.CliAsync(["account", "add", address, "--no-password"])).Require();
        var link = (await Server.CliAsync(["account", "link", address, "--expires", "1h"])).Require().Trim();
        var path = new Uri(link).AbsolutePath;
        var (url, jar) = ($"https://localhost:{Server.Https}{path}", Path.Combine(Server.Data, "cookies.txt"));
        var page = (await Peer.RunAsync("curl", ["-sk", "-c", jar, url])).Require();
        var token = Token().Match(page).Groups[1].Value;
        string[] form =
        [
            "-sk", "-b", jar, "-H", $"Origin: https://localhost:{Server.Https}", "--data-urlencode", $"form-token={token}",
            "--data-urlencode", "new-password=chosen by its owner", "--data-urlencode", "again=chosen by its owner",
            "-o", "/dev/null", "-w", "%{http_code}",
        ];
        Assert.Equal("303", (await Peer.RunAsync("curl", [.. form, url])).Require());
        Assert.Equal("404", (await Peer.RunAsync("curl", [.. form, url])).Require());
        var imap = await Peer.RunAsync("curl", ["-sk", $"imaps://localhost:{Server.Imaps}/", "-u", $"{address}:chosen by its owner"]);
        Assert.Contains("INBOX", imap.Require(), StringComparison.Ordinal);
    }

    [GeneratedRegex("name=\"form-token\" value=\"([^\"]+)\"")]
    private static partial Regex Token();
}
