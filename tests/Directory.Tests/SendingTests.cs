using Posthorn.Core;
using Xunit;

namespace Posthorn.Directory.Tests;

public abstract partial class DirectoryTests
{
    [Fact]
    public async Task What_an_account_sends_is_counted_until_midnight_and_opens_again_then()
    {
        await using var house = await OpenExampleAsync(new DirectorySettings { Sending = new SendingLimits(3, 5, 2) });
        var ann = await house.AddAsync("ann");
        Assert.Null(await SpendAsync(house, ann, "a@far.test", "b@far.test"));
        Assert.Equal(
            (RefusalKind.RateLimited,
                "this account sends at most 2 recipients that the account has never written to a day; it may go on at 2026-01-02 00:00 UTC"),
            Told(await SpendAsync(house, ann, "c@far.test")));
        Assert.Null(await SpendAsync(house, ann, "A@far.test"));
        Assert.Equal(new SendingLimits(2, 3, 2), (await house.Directory.Sending.UseAsync(ann.Id)).Sent);
        Assert.Equal(
            (RefusalKind.RateLimited, "this account sends at most 5 recipients a day; it may go on at 2026-01-02 00:00 UTC"),
            Told(await SpendAsync(house, ann, "a@far.test", "b@far.test", "a@far.test")));
        Assert.Null(await SpendAsync(house, ann, "b@far.test"));
        Assert.Equal(
            (RefusalKind.RateLimited, "this account sends at most 3 messages a day; it may go on at 2026-01-02 00:00 UTC"),
            Told(await house.Directory.Sending.CheckAsync(ann.Id)));
        house.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Null(await house.Directory.Sending.CheckAsync(ann.Id));
        Assert.Null(await SpendAsync(house, ann, "c@far.test", "d@far.test"));
        Assert.Equal(1, await house.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM sending_day").Scalar()!.Value));
    }

    [Fact]
    public async Task An_account_may_have_limits_of_its_own()
    {
        await using var house = await OpenExampleAsync(new DirectorySettings { Sending = new SendingLimits(1, 1, 1) });
        var (ann, bob) = (await house.AddAsync("ann"), await house.AddAsync("bob"));
        var own = new AccountChange { Sending = new OwnSendingLimits(2, null, 0) };
        Assert.Equal(own.Sending, (await house.Accounts.ChangeAsync(Authority.System, ann.Address, own)).Require().Sending);
        Assert.Equal(RefusalKind.RateLimited, (await SpendAsync(house, ann, "a@far.test"))!.Kind);
        Assert.Null(await SpendAsync(house, bob, "a@far.test"));
        Assert.Equal(new SendingLimits(2, 1, 0), (await house.Directory.Sending.UseAsync(ann.Id)).Limits);
        (await house.Accounts.ChangeAsync(Authority.System, ann.Address, new AccountChange { Sending = OwnSendingLimits.None })).Require();
        Assert.Null(await SpendAsync(house, ann, "a@far.test"));
        var wrong = new AccountChange { Sending = new OwnSendingLimits(-1, null, null) };
        Assert.Equal(RefusalKind.Invalid, (await house.Accounts.ChangeAsync(Authority.System, ann.Address, wrong)).Refusal!.Kind);
    }

    [Fact]
    public async Task An_account_sends_as_those_it_was_given_and_as_a_whole_domain()
    {
        await using var house = await OpenExampleAsync();
        var ann = await house.AddAsync("ann");
        await house.AddAsync("bob");
        var identity = new Identity(ann.Id, ann.Address, ann.Role, "ann");
        Assert.False(await house.Book.MaySendAsAsync(identity, House.At("bob")));
        await GiveAsync("BOB@example.test");
        Assert.True(await house.Book.MaySendAsAsync(identity, House.At("bob")));
        Assert.False(await house.Book.MaySendAsAsync(identity, House.At("eve")));
        await GiveAsync("*@example.test");
        Assert.Equal(["*@example.test"], await house.Accounts.SendAsAsync(ann.Id));
        Assert.True(await house.Book.MaySendAsAsync(identity, House.At("whoever")));
        Assert.False(await house.Book.MaySendAsAsync(identity, EmailAddress.Parse("ann@far.test")));
        foreach (var wrong in (string[])["*@", "nobody", "*@far.test", "a@far.test"])
        {
            var refused = await house.Accounts.ChangeAsync(Authority.System, ann.Address, new AccountChange { SendAs = [wrong] });
            Assert.True(refused.Refusal!.Kind is RefusalKind.Invalid or RefusalKind.NotFound);
        }
        await GiveAsync();
        Assert.False(await house.Book.MaySendAsAsync(identity, House.At("bob")));

        async Task GiveAsync(params string[] patterns) =>
            (await house.Accounts.ChangeAsync(Authority.System, ann.Address, new AccountChange { SendAs = patterns })).Require();
    }

    private static (RefusalKind Kind, string Text) Told(Refusal? refusal) => (refusal!.Kind, refusal.Text);

    private static async Task<Refusal?> SpendAsync(House house, Account account, params string[] recipients)
    {
        try
        {
            await house.Db.WriteAsync(tx =>
            {
                house.Directory.Sending.Spend(tx, account.Id, [.. recipients.Select(EmailAddress.Parse)]);
                return true;
            });
            return null;
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
    }
}
