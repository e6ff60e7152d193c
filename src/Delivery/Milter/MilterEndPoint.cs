using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Posthorn.Delivery;

/// <summary>Where a milter listens: <c>127.0.0.1:11332</c>, <c>[::1]:8891</c> or <c>unix:/run/opendkim/opendkim.sock</c>.</summary>
public sealed record MilterEndPoint(string Name, EndPoint EndPoint)
{
    private const string Unix = "unix:";

    public static bool TryParse(string text, [NotNullWhen(true)] out MilterEndPoint? milter)
    {
        milter = null;
        if (text.StartsWith(Unix, StringComparison.Ordinal))
        {
            if (text.Length is <= 5 or > 100 || text[5] != '/') return false;
            milter = new MilterEndPoint(text, new UnixDomainSocketEndPoint(text[Unix.Length..]));
            return true;
        }
        if (!IPEndPoint.TryParse(text, out var endPoint) || endPoint.Port == 0) return false;
        milter = new MilterEndPoint(text, endPoint);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}");
}

/// <summary>The milters that every message passes, in their order.</summary>
public sealed record MilterSettings
{
    public IReadOnlyList<MilterEndPoint> Milters { get; init; } = [];

    /// <summary>When one does not answer, mail passes without it; else the client is told to come back later.</summary>
    public bool FailOpen { get; init; }

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For one reply of any stage but the last.</summary>
    public TimeSpan ReplyTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For what a milter says at the end of the message; each sign of life begins it anew.</summary>
    public TimeSpan MessageTimeout { get; init; } = TimeSpan.FromMinutes(2);
}
