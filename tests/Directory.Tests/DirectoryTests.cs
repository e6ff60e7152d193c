using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Directory.Tests;

/// <summary>What the directory promises, on whatever database a subclass opens.</summary>
public abstract partial class DirectoryTests
{
    private protected abstract Task<House> OpenAsync(DirectorySettings? settings = null);

    private async Task<House> OpenExampleAsync(DirectorySettings? settings = null) => await (await OpenAsync(settings)).WithDomainAsync();

    [Fact]
    public async Task An_account_is_found_by_its_address_in_any_case()
    {
        await using var house = await OpenExampleAsync();
        var added = await house.AddAsync("Ann");
        var found = await house.Accounts.FindAsync(EmailAddress.Parse("aNN@EXAMPLE.test"));
        Assert.Equal(added, found);
        Assert.Equal("Ann@example.test", found!.Address.ToString());
    }

    [Fact]
    public async Task A_name_of_any_script_is_one_account_in_either_form_of_its_domain()
    {
        await using var house = await OpenAsync();
        (await house.Directory.Domains.AddAsync(Authority.System, Domain.Parse("bücher.example"))).Require();
        var wanted = new NewAccount(EmailAddress.Parse("ÖNE@bücher.example"));
        var added = (await house.Accounts.AddAsync(Authority.System, wanted)).Require();
        Assert.Equal(added.Id, (await house.Accounts.FindAsync(EmailAddress.Parse("öne@xn--bcher-kva.example")))!.Id);
        Assert.Equal(RefusalKind.AlreadyExists, (await house.Accounts.AddAsync(
            Authority.System, new NewAccount(EmailAddress.Parse("Öne@BÜCHER.example")))).Refusal!.Kind);
    }

    [Fact]
    public async Task An_address_is_one_thing_only()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann");
        await house.AliasAsync("sales", "ann@example.test");
        Assert.Equal(RefusalKind.AlreadyExists, (await house.Accounts.AddAsync(Authority.System, new NewAccount(House.At("SALES")))).Refusal!.Kind);
        Assert.Equal(RefusalKind.AlreadyExists, (await house.Aliases.AddAsync(Authority.System, House.At("Ann"), [House.At("x")])).Refusal!.Kind);
        Assert.Equal(RefusalKind.AlreadyExists, (await house.Aliases.AddAsync(Authority.System, House.At("Sales"), [House.At("x")])).Refusal!.Kind);
    }

    [Fact]
    public async Task An_account_needs_a_domain_of_this_server()
    {
        await using var house = await OpenAsync();
        Assert.Equal(RefusalKind.NotFound, (await house.Accounts.AddAsync(Authority.System, new NewAccount(House.At("ann")))).Refusal!.Kind);
    }

    [Fact]
    public async Task What_provisioning_refuses_leaves_nothing_behind()
    {
        await using var house = await OpenExampleAsync();
        house.Accounts.Provisioning.Add((_, _) => throw new RefusalException(new Refusal(RefusalKind.TemporarilyUnavailable, "not now")));
        Assert.Equal(RefusalKind.TemporarilyUnavailable, (await house.Accounts.AddAsync(
            Authority.System, new NewAccount(House.At("ann")) { Aliases = [House.At("sales")] })).Refusal!.Kind);
        Assert.Null(await house.Accounts.FindAsync(House.At("ann")));
        Assert.Null(await house.Aliases.FindAsync(House.At("sales")));
    }

    [Fact]
    public async Task A_removed_account_keeps_its_address_and_comes_back_within_thirty_days()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann", wanted => wanted with { Password = House.Secret("correct horse") });
        (await house.Accounts.RemoveAsync(Authority.System, ann.Address)).Require();
        Assert.Equal("NotFound", await house.ResolveAsync("ann@example.test"));
        Assert.Equal(RefusalKind.AlreadyExists, (await house.Accounts.AddAsync(Authority.System, new NewAccount(ann.Address))).Refusal!.Kind);

        house.Clock.Advance(TimeSpan.FromDays(29));
        Assert.Equal(0, await house.Accounts.PurgeAsync(CancellationToken.None));
        var restored = (await house.Accounts.RestoreAsync(Authority.System, ann.Address)).Require();
        Assert.Equal(ann.Id, restored.Id);
        Assert.Equal("ann", await house.ResolveAsync("ann@example.test"));
    }

    [Fact]
    public async Task A_purge_asks_the_others_first_then_frees_the_address_but_never_the_number()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann");
        await house.AliasAsync("sales", "ann@example.test", "far@elsewhere.example");
        await house.AliasAsync("only", "ann@example.test");
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { Administrator = new(ann.Id) })).Require();
        var purged = new List<AccountId>();
        house.Accounts.Purging.Add((account, _) =>
        {
            purged.Add(account);
            return Task.CompletedTask;
        });
        (await house.Accounts.RemoveAsync(Authority.System, ann.Address)).Require();
        house.Clock.Advance(TimeSpan.FromDays(31));

        Assert.Equal(1, await house.Accounts.PurgeAsync(CancellationToken.None));

        Assert.Equal([ann.Id], purged);
        Assert.Equal("far@elsewhere.example", await house.ResolveAsync("sales@example.test"));
        Assert.Null(await house.Aliases.FindAsync(House.At("only")));
        Assert.Null((await house.Directory.Domains.FindAsync(House.Example))!.Administrator);
        Assert.True((await house.AddAsync("ann")).Id.Value > ann.Id.Value);
    }

    [Fact]
    public async Task A_purge_that_failed_goes_on_and_cannot_be_restored_halfway()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann");
        var failures = 1;
        house.Accounts.Purging.Add((_, _) => failures-- > 0 ? throw new IOException("disk") : Task.CompletedTask);
        (await house.Accounts.RemoveAsync(Authority.System, ann.Address)).Require();
        house.Clock.Advance(TimeSpan.FromDays(31));

        await Assert.ThrowsAsync<IOException>(() => house.Accounts.PurgeAsync(CancellationToken.None));
        Assert.Equal(RefusalKind.Conflict, (await house.Accounts.RestoreAsync(Authority.System, ann.Address)).Refusal!.Kind);
        Assert.Equal(1, await house.Accounts.PurgeAsync(CancellationToken.None));
        Assert.Null(await house.Accounts.FindAsync(ann.Id));
    }

    [Fact]
    public async Task An_administrator_of_a_domain_ends_at_its_border()
    {
        await using var house = await OpenExampleAsync();
        var other = Domain.Parse("other.test");
        (await house.Directory.Domains.AddAsync(Authority.System, other)).Require();
        await house.AddAsync("root", wanted => wanted with { Role = Role.Admin });
        var theirs = Authority.OverDomain("ann", House.Example);

        Assert.Equal(RefusalKind.Forbidden, (await house.Directory.Domains.AddAsync(theirs, Domain.Parse("third.test"))).Refusal!.Kind);
        var elsewhere = await house.Accounts.AddAsync(theirs, new NewAccount(EmailAddress.Parse("x@other.test")));
        Assert.Equal(RefusalKind.Forbidden, elsewhere.Refusal!.Kind);
        var mightier = await house.Accounts.AddAsync(theirs, new NewAccount(House.At("y")) { Role = Role.Admin });
        Assert.Equal(RefusalKind.Forbidden, mightier.Refusal!.Kind);
        var password = await house.Accounts.SetPasswordAsync(theirs, House.At("root"), House.Secret("correct horse"));
        Assert.Equal(RefusalKind.Forbidden, password.Refusal!.Kind);
        Assert.Equal(RefusalKind.Forbidden, (await house.Directory.Tokens.AddAsync(theirs, new NewToken(TokenScopes.Admin))).Refusal!.Kind);
        Assert.True((await house.Accounts.AddAsync(theirs, new NewAccount(House.At("y")))).Ok);
        Assert.Equal([House.Example], (await house.Directory.Domains.ListAsync(theirs)).Select(domain => domain.Name));
        Assert.Empty(await house.Accounts.ListAsync(theirs, other));
    }

    [Fact]
    public async Task A_domain_goes_only_when_it_is_empty()
    {
        await using var house = await OpenExampleAsync();
        await house.AliasAsync("sales", "far@elsewhere.example");
        Assert.Equal(RefusalKind.Conflict, (await house.Directory.Domains.RemoveAsync(Authority.System, House.Example)).Refusal!.Kind);
        (await house.Aliases.RemoveAsync(Authority.System, House.At("sales"))).Require();
        Assert.True((await house.Directory.Domains.RemoveAsync(Authority.System, House.Example)).Ok);
        Assert.False(await house.Book.IsLocalAsync(House.Example));
    }

    [Fact]
    public async Task A_change_of_quota_reaches_the_store_in_the_same_transaction()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann");
        var seen = new List<(AccountId, Quota)>();
        house.Accounts.QuotaChanged.Add((tx, account, quota) => tx.OnCommit(() => seen.Add((account, quota))));
        var changed = await house.Accounts.ChangeAsync(Authority.System, ann.Address, new AccountChange { Quota = new Quota(5_000, null) });
        Assert.Equal(5_000, changed.Require().QuotaBytes);
        Assert.Equal([(ann.Id, new Quota(5_000, null))], seen);
        Assert.Equal(RefusalKind.Invalid, (await house.Accounts.ChangeAsync(
            Authority.System, ann.Address, new AccountChange { Quota = new Quota(-1, null) })).Refusal!.Kind);
    }
}
