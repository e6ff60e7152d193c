using System.Net;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Directory.Tests;

public abstract partial class DirectoryTests
{
    [Fact]
    public async Task A_stranger_who_comes_back_is_known_with_his_whole_network()
    {
        await using var house = await OpenAsync();
        var from = new ReversePath(EmailAddress.Parse("carol@far.test"));
        Assert.Equal("you are not known here yet; please try again in 300 seconds", (await CheckAsync("192.0.2.7", "ann"))!.Text);
        house.Clock.Advance(TimeSpan.FromMinutes(4));
        Assert.Equal(RefusalKind.RateLimited, (await CheckAsync("192.0.2.8", "ann"))!.Kind);
        Assert.NotNull(await CheckAsync("198.51.100.7", "ann"));
        house.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.NotNull(await CheckAsync("192.0.2.7", "bob"));
        Assert.Null(await CheckAsync("192.0.2.7", "ann"));
        Assert.Null(await CheckAsync("192.0.2.99", "bob"));
        Assert.NotNull(await CheckAsync("192.0.3.7", "ann"));
        Assert.Null(await CheckAsync("127.0.0.1", "ann"));
        house.Clock.Advance(Greylist.Memory);
        Assert.NotNull(await CheckAsync("192.0.2.7", "ann"));
        house.Clock.Advance(Greylist.Window + Greylist.Delay + Greylist.Delay);
        Assert.NotNull(await CheckAsync("192.0.2.7", "ann"));
        house.Clock.Advance(Greylist.Memory * 2);
        await house.Directory.Greylist.PurgeAsync(CancellationToken.None);
        Assert.Equal(0, await house.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM greylist").Scalar()!.Value));

        ValueTask<Refusal?> CheckAsync(string remote, string to) => house.Directory.Greylist.CheckAsync(IPAddress.Parse(remote), from, House.At(to));
    }
}
