using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;

namespace Posthorn.Pop3.Tests;

public sealed class MaildropDoorsTests
{
    private static readonly AccountId Ann = new(1);

    [Fact]
    public void A_maildrop_is_free_again_when_its_session_has_left()
    {
        var doors = new MaildropDoors(new FakeTimeProvider());
        var settings = new Pop3Settings();
        Assert.Equal(MaildropEntry.Open, doors.TryEnter(Ann, settings, out var place));
        Assert.Equal(MaildropEntry.InUse, doors.TryEnter(Ann, settings, out _));
        Assert.Equal(MaildropEntry.Open, doors.TryEnter(new AccountId(2), settings, out _));
        place!.Dispose();
        place.Dispose();
        Assert.Equal(MaildropEntry.Open, doors.TryEnter(Ann, settings, out _));
    }

    [Fact]
    public void The_delay_counts_from_the_last_log_in_that_was_let_in()
    {
        var time = new FakeTimeProvider();
        var doors = new MaildropDoors(time);
        var settings = new Pop3Settings { LocksMaildrop = false, LoginDelay = TimeSpan.FromSeconds(60) };
        Assert.Equal(MaildropEntry.Open, doors.TryEnter(Ann, settings, out var place));
        place!.Dispose();
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(MaildropEntry.TooSoon, doors.TryEnter(Ann, settings, out _));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(MaildropEntry.Open, doors.TryEnter(Ann, settings, out _));
    }

    [Fact]
    public void Who_came_long_ago_is_forgotten()
    {
        var time = new FakeTimeProvider();
        var doors = new MaildropDoors(time);
        var settings = new Pop3Settings { LoginDelay = TimeSpan.FromSeconds(60) };
        for (var i = 1; i <= 100_000; i++)
        {
            Assert.Equal(MaildropEntry.Open, doors.TryEnter(new AccountId(i), settings, out var place));
            place!.Dispose();
            time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.True(doors.Remembered <= 2 * 1024);
    }
}
