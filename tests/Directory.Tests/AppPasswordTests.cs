using System.Net;
using System.Text;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Directory.Tests;

public abstract partial class DirectoryTests
{
    private static readonly LoginContext OverImap = new("imap", IPAddress.Parse("192.0.2.1"), true);
    private static readonly LoginContext OverSmtp = OverImap with { Protocol = "smtp" };

    [Fact]
    public async Task An_app_password_opens_as_it_is_shown_and_as_people_type_it()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann");
        var issued = await IssueAsync(house, "Phone");
        Assert.Matches("^[a-z2-7]{32}$", issued.Secret);
        Assert.StartsWith(issued.Password.Id, issued.Secret, StringComparison.Ordinal);
        Assert.DoesNotContain(issued.Secret, issued.ToString(), StringComparison.Ordinal);
        var grouped = string.Join(' ', issued.Secret.ToUpperInvariant().Chunk(4).Select(static four => new string(four)));
        foreach (var typed in new[] { issued.Secret, grouped, grouped.Replace(' ', '-') })
        {
            var identity = (await DeviceLoginAsync(house, "ann@example.test", typed, OverImap)).Require();
            Assert.Equal((ann.Id, issued.Password.Id), (identity.Account, identity.Device));
        }
        Assert.True((await DeviceLoginAsync(house, $"ann@example.test+{issued.Password.Id}", issued.Secret, OverSmtp)).Ok);
        var listed = Assert.Single(await house.Directory.AppPasswords.ListAsync(ann.Id));
        Assert.Equal((4, "smtp", "192.0.2.1"), (listed.Uses, listed.LastUse!.Protocol, listed.LastUse.Remote!.ToString()));
        Assert.Equal("Phone", (await house.Directory.History.ListAsync(ann.Id, 10))[0].Credential);
    }

    [Fact]
    public async Task A_wrong_one_is_a_wrong_password_and_that_of_another_account_too()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann");
        await house.AddAsync("bob", wanted => wanted with { Password = House.Secret("correct horse") });
        var secret = (await IssueAsync(house, "Phone")).Secret;
        var wrong = secret[..^1] + (secret[^1] == 'a' ? 'b' : 'a');
        var refusals = new[]
        {
            (await DeviceLoginAsync(house, "ann@example.test", wrong, OverImap)).Refusal,
            (await DeviceLoginAsync(house, "bob@example.test", secret, OverImap)).Refusal,
            (await DeviceLoginAsync(house, "nobody@example.test", secret, OverImap)).Refusal,
            (await DeviceLoginAsync(house, "ann@example.test", secret[6..], OverImap)).Refusal,
            (await DeviceLoginAsync(house, "bob@example.test", "wrong horse", OverImap)).Refusal,
        };
        Assert.Equal(RefusalKind.NotAuthenticated, Assert.Single(refusals.Distinct())!.Kind);
    }

    [Theory]
    [InlineData(DeviceRefusal.WrongScope)]
    [InlineData(DeviceRefusal.WrongNetwork)]
    [InlineData(DeviceRefusal.Expired)]
    [InlineData(DeviceRefusal.Revoked)]
    [InlineData(DeviceRefusal.ByPolicy)]
    public async Task A_right_one_that_does_not_open_is_answered_like_a_wrong_one_and_the_owner_hears_why(DeviceRefusal why)
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        var issued = await IssueAsync(house, "Phone", wanted => wanted with
        {
            Scopes = why == DeviceRefusal.WrongScope ? AppScopes.Smtp | AppScopes.Jmap : AppScopes.All,
            Networks = AllowedNetworks.Parse(why == DeviceRefusal.WrongNetwork ? ["198.51.100.0/24"] : []).Require(),
            Lifetime = TimeSpan.FromDays(1),
        });
        if (why == DeviceRefusal.Expired) house.Clock.Advance(TimeSpan.FromDays(2));
        if (why == DeviceRefusal.Revoked) (await house.Directory.AppPasswords.RevokeOwnAsync(ann.Id, "Phone")).Require();
        if (why == DeviceRefusal.ByPolicy) await PolicyAsync(house, LoginPolicy.OAuth);
        var wrong = (await DeviceLoginAsync(house, "ann@example.test", "wrong horse", OverImap)).Refusal;
        Assert.Equal(wrong, (await DeviceLoginAsync(house, "ann@example.test", issued.Secret, OverImap)).Refusal);
        Assert.Equal(wrong, (await DeviceLoginAsync(house, "ann@example.test", issued.Secret, OverImap)).Refusal);
        var told = await house.Directory.News.ListAsync(10);
        Assert.Equal([AccountEvent.AppPasswordMade, AccountEvent.AppPasswordRefused], told.Select(static one => one.Event));
        Assert.StartsWith("“Phone” over imap from 192.0.2.1, and ", told[1].Detail, StringComparison.Ordinal);
        var history = await house.Directory.History.ListAsync(ann.Id, 10);
        Assert.Contains(history, static one => one is { Outcome: LoginOutcome.NotAllowed, Credential: "Phone" });
    }

    [Fact]
    public async Task A_domain_may_want_no_own_passwords_of_its_mail_programs()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        var secret = (await IssueAsync(house, "Phone")).Secret;
        await PolicyAsync(house, LoginPolicy.AppPassword);
        Assert.False((await DeviceLoginAsync(house, "ann@example.test", "correct horse", OverImap)).Ok);
        Assert.True((await DeviceLoginAsync(house, "ann@example.test", secret, OverImap)).Ok);
        Assert.True((await DeviceLoginAsync(house, "ann@example.test", "correct horse", OverImap with { Protocol = LoginContext.Web })).Ok);
        Assert.False((await DeviceLoginAsync(house, "ann@example.test", secret, OverImap with { Protocol = LoginContext.Web })).Ok);
        await PolicyAsync(house, LoginPolicy.OAuth);
        Assert.False((await DeviceLoginAsync(house, "ann@example.test", secret, OverImap)).Ok);
    }

    [Fact]
    public async Task A_hundred_wrong_passwords_do_not_disturb_a_device()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        var secret = (await IssueAsync(house, "Phone")).Secret;
        for (var i = 0; i < 120; i++) await DeviceLoginAsync(house, "ann@example.test", "guess " + i, OverImap);
        Assert.Equal(RefusalKind.TooMany, (await DeviceLoginAsync(house, "ann@example.test", "correct horse", OverImap)).Refusal!.Kind);
        Assert.True((await DeviceLoginAsync(house, "ann@example.test", secret, OverImap)).Ok);
        Assert.True((await DeviceLoginAsync(house, "ann@example.test", secret, OverImap with { Remote = IPAddress.Parse("2001:db8::1") })).Ok);
    }

    [Theory]
    [InlineData("SCRAM-SHA-256")]
    [InlineData("SCRAM-SHA-1-PLUS")]
    public async Task Under_scram_the_name_picks_the_device(string mechanism)
    {
        await using var house = await OpenScramAsync();
        var (phone, tablet) = (await IssueAsync(house, "Phone"), await IssueAsync(house, "Tablet"));
        foreach (var issued in new[] { phone, tablet })
        {
            var client = new ScramClient(house, mechanism, $"ann@example.test+{issued.Password.Id}", issued.Secret);
            Assert.Equal(issued.Password.Id, (await client.RunAsync(WithTls)).Require().Device);
            Assert.True(client.ServerIsKnown);
        }
        Assert.Equal(
            RefusalKind.NotAuthenticated, await RefusedAsync(house, mechanism, $"ann@example.test+{phone.Password.Id}", tablet.Secret));
        // Without a device it is the account's own.
        Assert.Null((await new ScramClient(house, mechanism, "ann@example.test", "correct horse").RunAsync(WithTls)).Require().Device);
        (await house.Directory.AppPasswords.RevokeAsync(Authority.System, House.At("ann"), "Phone")).Require();
        Assert.Equal(
            RefusalKind.NotAuthenticated, await RefusedAsync(house, mechanism, $"ann@example.test+{phone.Password.Id}", phone.Secret));
    }

    [Fact]
    public async Task Under_scram_the_only_device_needs_no_name_where_own_passwords_are_not_taken()
    {
        await using var house = await OpenScramAsync();
        var phone = await IssueAsync(house, "Phone");
        await PolicyAsync(house, LoginPolicy.AppPassword);
        var client = new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", phone.Secret);
        Assert.Equal(phone.Password.Id, (await client.RunAsync(WithTls)).Require().Device);
        Assert.Equal(RefusalKind.NotAuthenticated, await RefusedAsync(house, "SCRAM-SHA-256", "ann@example.test", "correct horse"));
    }

    [Fact]
    public async Task What_is_revoked_ends_what_it_has_opened_and_nothing_else()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        var (phone, tablet) = (await IssueAsync(house, "Phone"), await IssueAsync(house, "Tablet"));
        var live = house.Directory.Authenticator.Live;
        var ended = new List<string>();
        async Task<IDisposable> EnterAsync(string name, string password) => live.Enter(
            (await DeviceLoginAsync(house, "ann@example.test", password, OverImap)).Require(), () => ended.Add(name));
        using var first = await EnterAsync("phone", phone.Secret);
        using var second = await EnterAsync("tablet", tablet.Secret);
        using var third = await EnterAsync("own", "correct horse");
        using (await EnterAsync("gone", phone.Secret)) Assert.Equal(4, live.Count);
        var early = (await DeviceLoginAsync(house, "ann@example.test", phone.Secret, OverImap)).Require();
        (await house.Directory.AppPasswords.RevokeOwnAsync(ann.Id, phone.Password.Id)).Require();
        Assert.Equal(["phone"], ended);
        // A log-in that was under way while it was revoked is too late.
        using var late = live.Enter(early, () => ended.Add("late"));
        Assert.Equal(["phone", "late"], ended);
        (await house.Accounts.SetPasswordAsync(Authority.System, House.At("ann"), House.Secret("battery staple"))).Require();
        Assert.Equal(["phone", "late", "own"], ended);
        (await house.Accounts.DisableAsync(Authority.System, House.At("ann"))).Require();
        Assert.Equal(["phone", "late", "own", "tablet"], ended);
        Assert.Equal(RefusalKind.Disabled, (await DeviceLoginAsync(house, "ann@example.test", tablet.Secret, OverImap)).Refusal!.Kind);
    }

    [Fact]
    public async Task Labels_are_unique_and_there_are_not_too_many()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann");
        await IssueAsync(house, "Phone");
        var passwords = house.Directory.AppPasswords;
        Assert.Equal(RefusalKind.AlreadyExists, (await passwords.AddOwnAsync(ann.Id, new NewAppPassword(" Phone "), null)).Refusal!.Kind);
        foreach (var wrong in new[] { new NewAppPassword(""), new NewAppPassword("a\nb"), new NewAppPassword(new string('x', 61)),
            new NewAppPassword("x") { Scopes = AppScopes.None }, new NewAppPassword("x") { Lifetime = TimeSpan.Zero } })
        {
            Assert.Equal(RefusalKind.Invalid, (await passwords.AddOwnAsync(ann.Id, wrong, null)).Refusal!.Kind);
        }
        (await passwords.RevokeOwnAsync(ann.Id, "Phone")).Require();
        Assert.Equal(RefusalKind.NotFound, (await passwords.RevokeOwnAsync(ann.Id, "Phone")).Refusal!.Kind);
        await IssueAsync(house, "Phone");
        for (var i = 1; i < AppPasswords.PerAccountMax; i++) await IssueAsync(house, $"Device {i}");
        Assert.Equal(RefusalKind.TooMany, (await passwords.AddOwnAsync(ann.Id, new NewAppPassword("One more"), null)).Refusal!.Kind);
        house.Clock.Advance(AppPasswords.Remembered + TimeSpan.FromDays(1));
        await passwords.PurgeAsync(CancellationToken.None);
        Assert.Equal(AppPasswords.PerAccountMax, (await passwords.ListAsync(ann.Id)).Count);
        await house.AddAsync("bob");
        var other = Authority.OverDomain("other", Domain.Parse("other.test"));
        Assert.Equal(RefusalKind.Forbidden, (await passwords.AddAsync(other, House.At("bob"), new NewAppPassword("Phone"))).Refusal!.Kind);
        Assert.Equal(RefusalKind.Forbidden, (await passwords.RevokeAsync(other, House.At("ann"), "Phone")).Refusal!.Kind);
    }

    private static async Task<IssuedAppPassword> IssueAsync(House house, string label, Func<NewAppPassword, NewAppPassword>? with = null)
    {
        var wanted = new NewAppPassword(label);
        return (await house.Directory.AppPasswords.AddAsync(Authority.System, House.At("ann"), with?.Invoke(wanted) ?? wanted)).Require();
    }

    private static ValueTask<Result<Identity>> DeviceLoginAsync(House house, string login, string password, LoginContext context) =>
        house.Directory.Authenticator.PasswordAsync(login, Encoding.UTF8.GetBytes(password), context);

    private static async Task PolicyAsync(House house, LoginPolicy policy) =>
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { Login = policy })).Require();
}
