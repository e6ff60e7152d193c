using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class SenderRewritingTests : IDisposable
{
    private static readonly Domain Ours = Domain.Parse("example.net");

    private readonly FakeTimeProvider _time = new(new(2026, 11, 25, 0, 0, 0, TimeSpan.Zero));
    private readonly SenderRewriting _rewriting;

    public SenderRewritingTests() => _rewriting = new SenderRewriting(new byte[32], _time);

    [Theory]
    [InlineData("bob@example.org")]
    [InlineData("bob=x@example.org")]
    [InlineData("\"b b\"@example.org")]
    public void A_sender_comes_back(string sender)
    {
        var forwarded = _rewriting.Forward(EmailAddress.Parse(sender), Ours)!;
        Assert.Equal(Ours, forwarded.Domain);
        Assert.True(SenderRewriting.IsRewritten(forwarded));
        Assert.True(_rewriting.TryReverse(EmailAddress.Parse(forwarded.ToString().ToLowerInvariant()), out var back));
        Assert.Equal(EmailAddress.Parse(sender), back);
    }

    [Fact]
    public void What_others_have_rewritten_goes_back_to_them()
    {
        var theirs = EmailAddress.Parse("SRS0=abcd=ef=origin.test=bob@first.test");
        var forwarded = _rewriting.Forward(theirs, Ours)!;
        Assert.StartsWith("SRS1=", forwarded.LocalPart, StringComparison.Ordinal);
        Assert.True(_rewriting.TryReverse(forwarded, out var back));
        Assert.Equal(theirs, back);
        using var third = new SenderRewriting([1, 2, 3], _time);
        var further = third.Forward(forwarded, Domain.Parse("third.test"))!;
        Assert.True(third.TryReverse(further, out back));
        Assert.Equal(theirs, back);
    }

    [Fact]
    public void An_address_grows_old()
    {
        var forwarded = _rewriting.Forward(EmailAddress.Parse("bob@example.org"), Ours)!;
        _time.Advance(SenderRewriting.Lifetime);
        Assert.True(_rewriting.TryReverse(forwarded, out _));
        _time.Advance(TimeSpan.FromDays(1));
        Assert.False(_rewriting.TryReverse(forwarded, out _));
    }

    [Theory]
    [InlineData("SRS0=aaaaaaaa=aa=example.org=bob@example.net")]
    [InlineData("SRS0=@example.net")]
    [InlineData("SRS0==@example.net")]
    [InlineData("SRS1=x=y@example.net")]
    [InlineData("bob@example.net")]
    public void What_is_not_ours_leads_nowhere(string address) => Assert.False(_rewriting.TryReverse(EmailAddress.Parse(address), out _));

    [Fact]
    public void A_name_that_would_be_too_long_stays() =>
        Assert.Null(_rewriting.Forward(EmailAddress.Parse(new string('a', 60) + "@a-long-domain.example.org"), Ours));

    public void Dispose() => _rewriting.Dispose();
}
