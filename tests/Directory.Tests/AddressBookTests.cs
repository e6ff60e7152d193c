using Posthorn.Core;
using Xunit;

namespace Posthorn.Directory.Tests;

public abstract partial class DirectoryTests
{
    [Fact]
    public async Task An_account_an_alias_and_a_stranger_resolve_to_what_they_are()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann");
        await house.AddAsync("bob");
        await house.AliasAsync("team", "ann@example.test", "BOB@example.test", "far@elsewhere.example");
        Assert.Equal("ann", await house.ResolveAsync("Ann@Example.TEST"));
        Assert.Equal("ann bob far@elsewhere.example", await house.ResolveAsync("team@example.test"));
        Assert.Equal("x@elsewhere.example", await house.ResolveAsync("x@elsewhere.example"));
        Assert.Equal("NotFound", await house.ResolveAsync("nobody@example.test"));
    }

    [Fact]
    public async Task A_detail_reaches_the_account_unless_the_domain_wants_none()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann");
        await house.AliasAsync("sales", "ann@example.test");
        await house.AliasAsync("ann+own", "far@elsewhere.example");
        Assert.Equal("ann+Lists+x", await house.ResolveAsync("ann+Lists+x@example.test"));
        Assert.Equal("ann+2026", await house.ResolveAsync("sales+2026@example.test"));
        Assert.Equal("far@elsewhere.example", await house.ResolveAsync("ann+own@example.test"));
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { PlusAddressing = false })).Require();
        Assert.Equal("NotFound", await house.ResolveAsync("ann+Lists@example.test"));
    }

    [Fact]
    public async Task Aliases_in_a_circle_end_and_a_double_arrives_once()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann");
        await house.AliasAsync("a", "b@example.test", "ann@example.test");
        await house.AliasAsync("b", "a@example.test", "Ann@example.test");
        await house.AliasAsync("round", "circle@example.test");
        await house.AliasAsync("circle", "round@example.test");
        Assert.Equal("ann", await house.ResolveAsync("a@example.test"));
        Assert.Equal("NotFound", await house.ResolveAsync("round@example.test"));
    }

    [Fact]
    public async Task An_alias_that_fans_out_too_far_is_refused()
    {
        await using var house = await OpenExampleAsync();
        foreach (var part in (string[])["p", "q", "r"])
        {
            await house.AliasAsync(part, [.. Enumerable.Range(0, 400).Select(i => $"{part}{i}@elsewhere.example")]);
        }
        await house.AliasAsync("all", "p@example.test", "q@example.test", "r@example.test");
        Assert.Equal("TooMany", await house.ResolveAsync("all@example.test"));
    }

    [Fact]
    public async Task A_catch_all_takes_what_is_undefined_and_nothing_else()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann");
        await house.AddAsync("bob");
        (await house.Directory.Domains.ChangeAsync(
            Authority.System, House.Example, new DomainChange { CatchAll = new(House.At("bob")) })).Require();
        Assert.Equal("bob", await house.ResolveAsync("anything@example.test"));
        Assert.Equal("ann", await house.ResolveAsync("ann@example.test"));
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { CatchAll = new(null) })).Require();
        Assert.Equal("NotFound", await house.ResolveAsync("anything@example.test"));
    }

    [Fact]
    public async Task Postmaster_and_abuse_reach_the_administrator_unless_they_are_defined()
    {
        await using var house = await OpenExampleAsync();
        Assert.Equal("NotFound", await house.ResolveAsync("postmaster@example.test"));
        var ann = await house.AddAsync("ann");
        await house.AddAsync("root", wanted => wanted with { Role = Role.Admin });
        Assert.Equal("root", await house.ResolveAsync("PostMaster@example.test"));
        await house.AddAsync("chief", wanted => wanted with { Role = Role.DomainAdmin });
        Assert.Equal("chief", await house.ResolveAsync("abuse@example.test"));
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { Administrator = new(ann.Id) })).Require();
        Assert.Equal("ann", await house.ResolveAsync("abuse@example.test"));
        await house.AliasAsync("abuse", "desk@elsewhere.example");
        Assert.Equal("desk@elsewhere.example", await house.ResolveAsync("abuse@example.test"));
        var bare = (await house.Book.ResolvePostmasterAsync()).Require();
        Assert.Equal("root", Assert.IsType<Target.Local>(Assert.Single(bare)).Address.LocalPart);
    }

    [Fact]
    public async Task A_change_is_seen_by_the_next_question()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann");
        Assert.Equal("ann", await house.ResolveAsync("ann@example.test"));
        (await house.Accounts.DisableAsync(Authority.System, House.At("ann"))).Require();
        Assert.Equal("Disabled", await house.ResolveAsync("ann@example.test"));
        (await house.Accounts.EnableAsync(Authority.System, House.At("ann"))).Require();
        Assert.Equal("ann", await house.ResolveAsync("ann@example.test"));
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { Disabled = true })).Require();
        Assert.Equal("Disabled", await house.ResolveAsync("ann@example.test"));
        Assert.True(await house.Book.IsLocalAsync(House.Example));
    }

    [Fact]
    public async Task A_service_receives_nothing_and_sends_from_its_listed_addresses()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann");
        var alerts = await house.AddAsync("alerts", wanted => wanted with { Kind = AccountKind.Service, Aliases = [House.At("noreply")] });
        await house.AliasAsync("info", "ann@example.test", "alerts@example.test");
        Assert.Equal("NotFound", await house.ResolveAsync("alerts@example.test"));
        Assert.Equal("NotFound", await house.ResolveAsync("noreply@example.test"));
        Assert.Equal("ann", await house.ResolveAsync("info@example.test"));
        Assert.Equal("yes yes yes no no", await SendableAsync(house, alerts, "alerts", "noreply", "info", "ann", "other"));
        Assert.Equal("no no yes yes no", await SendableAsync(house, ann, "alerts", "noreply", "info", "ann", "other"));
    }

    [Fact]
    public async Task Only_one_s_own_addresses_may_be_sent_from()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann");
        var bob = await house.AddAsync("bob");
        await house.AliasAsync("nested", "direct@example.test");
        await house.AliasAsync("direct", "ann@example.test");
        (await house.Directory.Domains.ChangeAsync(
            Authority.System, House.Example, new DomainChange { CatchAll = new(House.At("bob")) })).Require();
        Assert.Equal("yes yes yes no no no", await SendableAsync(house, ann, "ANN", "ann+x", "direct", "nested", "bob", "undefined"));
        Assert.Equal("no no yes", await SendableAsync(house, bob, "ann+x", "direct", "undefined"));
        var login = new Identity(ann.Id, ann.Address, Role.Admin, "ann");
        Assert.False(await house.Book.MaySendAsAsync(login, EmailAddress.Parse("ann@elsewhere.example")));
    }

    private static async Task<string> SendableAsync(House house, Account account, params string[] locals)
    {
        var identity = new Identity(account.Id, account.Address, account.Role, "");
        var answers = new List<string>();
        foreach (var local in locals) answers.Add(await house.Book.MaySendAsAsync(identity, House.At(local)) ? "yes" : "no");
        return string.Join(' ', answers);
    }
}
