using System.Net;
using System.Text;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Directory.Tests;

public abstract partial class DirectoryTests
{
    private static readonly IPAddress Far = IPAddress.Parse("192.0.2.7");

    [Fact]
    public async Task The_right_password_opens_and_every_wrong_one_is_answered_alike()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        await house.AddAsync("empty");
        var identity = (await LoginAsync(house, "ANN@example.test", "correct horse")).Require();
        Assert.Equal((ann.Id, ann.Address, "ANN@example.test"), (identity.Account, identity.Address, identity.Login));
        var refusals = new List<Refusal?>
        {
            (await LoginAsync(house, "ann@example.test", "correct horse!")).Refusal,
            (await LoginAsync(house, "nobody@example.test", "correct horse")).Refusal,
            (await LoginAsync(house, "empty@example.test", "")).Refusal,
            (await LoginAsync(house, "not an address", "correct horse")).Refusal,
        };
        Assert.Equal(RefusalKind.NotAuthenticated, Assert.Single(refusals.Distinct())!.Kind);
    }

    [Fact]
    public async Task A_changed_password_is_the_only_one_from_then_on()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        Assert.True((await LoginAsync(house, "ann@example.test", "correct horse")).Ok);
        (await house.Accounts.SetPasswordAsync(Authority.System, House.At("ann"), House.Secret("battery staple"))).Require();
        Assert.False((await LoginAsync(house, "ann@example.test", "correct horse")).Ok);
        Assert.True((await LoginAsync(house, "ann@example.test", "battery staple")).Ok);
    }

    [Fact]
    public async Task A_disabled_account_learns_so_only_with_its_password()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        (await house.Accounts.DisableAsync(Authority.System, House.At("ann"))).Require();
        Assert.Equal(RefusalKind.Disabled, (await LoginAsync(house, "ann@example.test", "correct horse")).Refusal!.Kind);
        Assert.Equal(RefusalKind.NotAuthenticated, (await LoginAsync(house, "ann@example.test", "wrong")).Refusal!.Kind);
        (await house.Accounts.RemoveAsync(Authority.System, House.At("ann"))).Require();
        Assert.Equal(RefusalKind.NotAuthenticated, (await LoginAsync(house, "ann@example.test", "correct horse")).Refusal!.Kind);
    }

    [Fact]
    public async Task In_the_clear_a_password_is_taken_from_loopback_only_and_only_when_allowed()
    {
        await using var house = await OpenExampleAsync(new DirectorySettings { AllowPlaintextOnLoopback = true });
        await using var strict = await OpenExampleAsync();
        var authenticator = house.Directory.Authenticator;
        Assert.True(authenticator.AcceptsPasswords(new LoginContext("imap", IPAddress.Loopback, false)));
        Assert.True(authenticator.AcceptsPasswords(new LoginContext("imap", IPAddress.Parse("::ffff:127.0.0.1"), false)));
        Assert.False(authenticator.AcceptsPasswords(new LoginContext("imap", Far, false)));
        Assert.True(authenticator.AcceptsPasswords(new LoginContext("imap", Far, true)));
        Assert.False(strict.Directory.Authenticator.AcceptsPasswords(new LoginContext("imap", IPAddress.Loopback, false)));
        var refused = await authenticator.PasswordAsync("ann@example.test", House.Secret("x"), new LoginContext("imap", Far, false));
        Assert.Equal(RefusalKind.Forbidden, refused.Refusal!.Kind);
    }

    [Fact]
    public async Task Guessing_is_slowed_and_the_owner_elsewhere_is_not_locked_out()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        for (var i = 0; i < 10; i++) Assert.Equal(RefusalKind.NotAuthenticated, (await LoginAsync(house, "ann@example.test", "guess")).Refusal!.Kind);
        Assert.Equal(RefusalKind.TooMany, (await LoginAsync(house, "ann@example.test", "correct horse")).Refusal!.Kind);
        Assert.True((await LoginAsync(house, "ann@example.test", "correct horse", IPAddress.Parse("198.51.100.1"))).Ok);
        house.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.True((await LoginAsync(house, "ann@example.test", "correct horse")).Ok);
    }

    [Fact]
    public async Task Guessing_from_many_networks_does_not_lock_out_a_network_the_account_uses()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        Assert.True((await LoginAsync(house, "ann@example.test", "correct horse")).Ok);
        for (var i = 0; i < 100; i++) await LoginAsync(house, "ann@example.test", "guess", new IPAddress([203, 0, 113, (byte)i]));
        Assert.Equal(RefusalKind.TooMany, (await LoginAsync(house, "ann@example.test", "guess", IPAddress.Parse("198.51.100.9"))).Refusal!.Kind);
        Assert.True((await LoginAsync(house, "ann@example.test", "correct horse")).Ok);
    }

    [Fact]
    public async Task Loopback_is_not_slowed_unless_asked_for()
    {
        await using var house = await OpenExampleAsync();
        await using var strict = await OpenExampleAsync(new DirectorySettings { ThrottleLoopback = true });
        foreach (var (place, last) in new[] { (house, RefusalKind.NotAuthenticated), (strict, RefusalKind.TooMany) })
        {
            for (var i = 0; i < 25; i++) await LoginAsync(place, $"ann{i}@example.test", "guess", IPAddress.IPv6Loopback);
            Assert.Equal(last, (await LoginAsync(place, "ann@example.test", "guess", IPAddress.IPv6Loopback)).Refusal!.Kind);
        }
    }

    [Fact]
    public async Task A_cheaper_hash_is_made_again_at_the_next_log_in()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        var cheaper = PasswordHash.Make(Encoding.UTF8.GetBytes("correct horse"), new Argon2Cost(16, 2)).ToString();
        await house.Db.WriteAsync(tx => Credentials.Upgrade(tx, ann.Id, Credentials.Password(tx, ann.Id)!, cheaper));
        Assert.True((await LoginAsync(house, "ann@example.test", "correct horse")).Ok);
        var stored = await house.Db.ReadAsync(db => Credentials.Password(db, ann.Id));
        Assert.StartsWith("$argon2id$v=19$m=8,t=1,p=1$", stored);
        Assert.True((await LoginAsync(house, "ann@example.test", "correct horse")).Ok);
    }

    [Fact]
    public async Task Acting_as_somebody_else_is_refused()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        foreach (var (other, ok) in new[] { ("", true), ("ANN@example.test", true), ("bob@example.test", false) })
        {
            using var credentials = new PasswordCredentials("ann@example.test", Encoding.UTF8.GetBytes("correct horse"), other);
            var result = await house.Directory.Authenticator.AuthenticateAsync(credentials, new LoginContext("imap", Far, true));
            Assert.Equal(ok, result.Ok);
        }
    }

    [Fact]
    public async Task A_token_opens_once_issued_until_it_expires_or_is_revoked()
    {
        await using var house = await OpenExampleAsync();
        var tokens = house.Directory.Tokens;
        var networks = AllowedNetworks.Parse(["192.0.2.0/24", "::1"]).Require();
        var issued = (await tokens.AddAsync(Authority.System, new NewToken(TokenScopes.Admin | TokenScopes.Send)
        {
            Label = "ci",
            Domain = House.Example,
            Lifetime = TimeSpan.FromDays(1),
            Networks = networks,
        })).Require();
        var token = (await tokens.VerifyAsync(issued.Secret, Far)).Require();
        Assert.Equal((issued.Token.Id, TokenScopes.Admin | TokenScopes.Send, House.Example), (token.Id, token.Scopes, token.Domain!));
        Assert.Equal(House.Example, token.Authority!.Only);
        Assert.NotNull(Assert.Single(await tokens.ListAsync(Authority.System)).LastUsedAt);
        Assert.Equal(RefusalKind.Forbidden, (await tokens.VerifyAsync(issued.Secret, IPAddress.Parse("198.51.100.1"))).Refusal!.Kind);
        Assert.False((await tokens.VerifyAsync(issued.Secret[..^1] + (issued.Secret[^1] == 'A' ? 'E' : 'A'), Far)).Ok);
        Assert.False((await tokens.VerifyAsync("", Far)).Ok);
        Assert.False((await tokens.VerifyAsync(new string('é', issued.Secret.Length), Far)).Ok);
        house.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(RefusalKind.NotAuthenticated, (await tokens.VerifyAsync(issued.Secret, Far)).Refusal!.Kind);
        Assert.Equal(RefusalKind.NotFound, (await tokens.RevokeAsync(Authority.OverDomain("x", Domain.Parse("other.test")), token.Id)).Refusal!.Kind);
        Assert.True((await tokens.RevokeAsync(Authority.System, token.Id)).Ok);
        Assert.Empty(await tokens.ListAsync(Authority.System));
    }

    private static ValueTask<Result<Identity>> LoginAsync(House house, string login, string password, IPAddress? from = null) =>
        house.Directory.Authenticator.PasswordAsync(login, House.Secret(password), new LoginContext("imap", from ?? Far, true));
}
