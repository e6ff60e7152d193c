using Xunit;

namespace Posthorn.Core.Tests;

public sealed class ResultTests
{
    [Fact]
    public void A_result_is_a_value_or_a_refusal()
    {
        Result<int> good = 7;
        Assert.True(good.Ok && good.TryGet(out var value) && value == 7 && good.Require() == 7);
        var no = new Refusal(RefusalKind.NotFound, "no such thing");
        Result<int> bad = no;
        Assert.False(bad.Ok || bad.TryGet(out _));
        Assert.Equal(no, Assert.Throws<RefusalException>(() => bad.Require()).Refusal);
    }
}
