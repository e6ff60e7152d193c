using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class AccountNoticeTests
{
    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task The_owner_is_told_once_of_a_new_password(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        (await host.Directory.Accounts.SetPasswordAsync(Authority.System, ann.Address, "a secret that stays one"u8.ToArray())).Require();
        await host.Delivery.SendNoticesAsync(default);
        await host.Delivery.SendNoticesAsync(default);
        var letter = Assert.Single(await host.InboxAsync(ann));
        Assert.Contains("Subject: Your password was changed\r\n", letter, StringComparison.Ordinal);
        Assert.Contains("was changed by system.", letter, StringComparison.Ordinal);
        Assert.Contains("Auto-Submitted: auto-generated\r\n", letter, StringComparison.Ordinal);
        Assert.DoesNotContain("a secret that stays one", letter, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_cannot_be_reached_is_told_later()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        var ann = await host.AddAsync("ann");
        (await host.Directory.Accounts.SetPasswordAsync(Authority.System, ann.Address, "battery staple"u8.ToArray())).Require();
        (await host.Directory.Accounts.DisableAsync(Authority.System, ann.Address)).Require();
        await host.Delivery.SendNoticesAsync(default);
        Assert.Single(await host.Directory.News.ListAsync(10));
        (await host.Directory.Accounts.EnableAsync(Authority.System, ann.Address)).Require();
        await host.Delivery.SendNoticesAsync(default);
        Assert.Single(await host.InboxAsync(ann));
        Assert.Empty(await host.Directory.News.ListAsync(10));
    }

    [Fact]
    public async Task Much_news_at_once_is_no_flood_and_old_news_is_none()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        var ann = await host.AddAsync("ann");
        for (var i = 0; i < AccountNews.PerAccountMax + 5; i++)
        {
            (await host.Directory.PasswordLinks.AddAsync(Authority.System, ann.Address)).Require();
        }
        Assert.Equal(AccountNews.PerAccountMax, (await host.Directory.News.ListAsync(100)).Count);
        host.Clock.Advance(AccountNews.Retention);
        Assert.Empty(await host.Directory.News.ListAsync(100));
        await host.Directory.News.PurgeAsync(default);
    }

    [Fact]
    public void A_notice_is_a_message_of_lines_whatever_the_names_are()
    {
        var address = EmailAddress.Parse("öne@bücher.example");
        var notice = new AccountNotice(1, address, AccountEvent.FactorAdded, "the passkey “täl”", DeliveryHost.Start);
        var text = Encoding.UTF8.GetString(AccountNotices.Write(notice, Domain.Parse("mx.example.test"), "id", DeliveryHost.Start));
        Assert.DoesNotContain("\n", text.Replace("\r\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("To: öne@xn--bcher-kva.example\r\n", text, StringComparison.Ordinal);
        Assert.Contains("the passkey “täl” was added", text, StringComparison.Ordinal);
    }
}
