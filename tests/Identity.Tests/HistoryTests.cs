using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity.Tests;

public sealed class HistoryTests
{
    [Fact]
    public async Task The_owner_sees_how_from_where_and_with_what_outcome()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        host.Remote = IPAddress.Parse("198.51.100.7");
        for (var i = 0; i < 3; i++) await host.Browser().TryLogInAsync(TestHost.Ann, "wrong wrong");
        host.Clock.Advance(TimeSpan.FromMinutes(5));
        host.Remote = IPAddress.Parse("192.0.2.9");
        var imap = new LoginContext("imap", IPAddress.Parse("203.0.113.5"), true);
        (await host.Directory.Authenticator.PasswordAsync(TestHost.Ann, Encoding.UTF8.GetBytes(TestHost.Password), imap)).Require();
        var browser = await host.Browser().LogInAsync();
        var page = await browser.GetAsync("/account/history");
        page.Says("198.51.100.7").Says("wrong password").Says("3 times").Says("IMAP").Says("203.0.113.5").Says("192.0.2.9").Says("logged in");
    }

    [Fact]
    public async Task Guessing_does_not_push_the_owners_log_ins_out()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var ann = (await host.Directory.Accounts.FindAsync(EmailAddress.Parse(TestHost.Ann)))!.Id;
        await host.Browser().LogInAsync();
        for (var i = 0; i < LoginHistory.PerAccountMax + 100; i++)
        {
            host.Clock.Advance(TimeSpan.FromSeconds(1));
            host.Directory.History.Note(ann, new LoginContext("imap", new IPAddress(0x0A00_0001L + i * 0x100), true), LoginOutcome.WrongPassword);
            if (i % 50 == 0) await host.Directory.History.WriteAsync(default);
        }
        var all = await host.Directory.History.ListAsync(ann, 10_000);
        Assert.Equal(LoginHistory.PerAccountMax, all.Count(record => record.Outcome == LoginOutcome.WrongPassword));
        Assert.Single(all, record => record.Outcome == LoginOutcome.Ok);
        host.Clock.Advance(LoginHistory.Retention + TimeSpan.FromHours(1));
        await host.Directory.History.PurgeAsync(default);
        Assert.Empty(await host.Directory.History.ListAsync(ann, 10_000));
    }
}
