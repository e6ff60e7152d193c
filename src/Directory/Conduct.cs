using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>What a client may do wrong.</summary>
public enum Offence
{
    /// <summary>A command that is unknown, malformed or out of place.</summary>
    BadCommand,

    /// <summary>A recipient that does not exist.</summary>
    UnknownRecipient,

    /// <summary>A name that cannot be the client's: ours, or another's address.</summary>
    BadHello,

    /// <summary>Speaking before it was greeted, as programs do that do not listen.</summary>
    EarlyTalk,

    /// <summary>A log-in that failed, over any protocol.</summary>
    FailedLogin,
}

/// <summary>
/// Keeps the score of strangers: each offence fills a leaky bucket of the client's address (or IPv6 /64), and of the network around it (IPv4 /24,
/// IPv6 /48). When one is full, that network is banned for a while.
/// </summary>
/// <remarks>What is remembered is bounded. Nothing is read or written but when a ban is made.</remarks>
public sealed class Conduct
{
    /// <summary>Points of an address before it is banned; it loses one in <see cref="Drain"/>.</summary>
    public const int AddressPointsMax = 100;

    /// <summary>Points of the network around it.</summary>
    public const int NetworkPointsMax = 500;

    public static readonly TimeSpan Drain = TimeSpan.FromSeconds(10);

    /// <summary>How long a ban lasts that nobody made by hand.</summary>
    public static readonly TimeSpan BanTime = TimeSpan.FromHours(1);

    private const int EntriesMax = 65_536;

    private readonly Bans _bans;
    private readonly bool _countsLoopback;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly Dictionary<IPNetwork, double> _empty = []; // when the bucket will be empty, in seconds of the monotonic clock

    internal Conduct(Bans bans, DirectorySettings settings, TimeProvider time, ILogger log) =>
        (_bans, _countsLoopback, _time, _log) = (bans, settings.ThrottleLoopback, time, log);

    public void Note(IPAddress address, Offence offence, int count = 1)
    {
        address = address.Unmapped();
        // Behind a private address may stand everybody: a ban of it would shut the server.
        if (!_countsLoopback && (IPAddress.IsLoopback(address) || NetworkSet.Private.Contains(address))) return;
        var points = count * PointsOf(offence);
        var narrow = NetworkOf(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 64);
        var wide = NetworkOf(address, address.AddressFamily == AddressFamily.InterNetwork ? 24 : 48);
        var (full, reason) = (default(IPNetwork?), "");
        lock (_lock)
        {
            var now = _time.GetTimestamp() / (double)_time.TimestampFrequency;
            if (_empty.Count > EntriesMax) Trim(now);
            if (Fill(narrow, points, AddressPointsMax, now)) (full, reason) = (narrow, "too many offences, the last one: " + Words(offence));
            if (Fill(wide, points, NetworkPointsMax, now)) (full, reason) = (wide, "too many offences from its addresses");
        }
        if (full is { } network) _ = BanAsync(network, reason);
    }

    internal static IPNetwork NetworkOf(IPAddress address, int length)
    {
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out var count);
        octets = octets[..count];
        for (var i = 0; i < count; i++)
        {
            var bits = Math.Clamp(length - 8 * i, 0, 8);
            octets[i] &= (byte)(0xFF00 >> bits);
        }
        return new IPNetwork(new IPAddress(octets), length);
    }

    private static int PointsOf(Offence offence) => offence switch
    {
        Offence.FailedLogin => 5,
        Offence.EarlyTalk => 10,
        Offence.UnknownRecipient or Offence.BadHello => 2,
        _ => 1,
    };

    private static string Words(Offence offence) => offence switch
    {
        Offence.FailedLogin => "a failed log-in",
        Offence.EarlyTalk => "speaking before the greeting",
        Offence.UnknownRecipient => "an unknown recipient",
        Offence.BadHello => "a name that is not its own",
        _ => "a bad command",
    };

    // True when the bucket has just become full; it begins anew then.
    private bool Fill(IPNetwork network, int points, int max, double now)
    {
        var empty = Math.Max(now, _empty.GetValueOrDefault(network)) + points * Drain.TotalSeconds;
        var full = empty - now >= max * Drain.TotalSeconds;
        if (full) _empty.Remove(network);
        else _empty[network] = empty;
        return full;
    }

    private void Trim(double now)
    {
        foreach (var (network, empty) in _empty)
        {
            if (empty <= now) _empty.Remove(network);
        }
        // Under a flood of networks the least filled half goes: it would have drained first.
        if (_empty.Count <= EntriesMax / 2) return;
        var ends = _empty.Values.Order().ToArray();
        var median = ends[ends.Length / 2];
        foreach (var (network, empty) in _empty)
        {
            if (empty <= median) _empty.Remove(network);
        }
    }

    private async Task BanAsync(IPNetwork network, string reason)
    {
        try
        {
            await _bans.AddAsync(Authority.System, network, reason, BanTime);
        }
        catch (Exception error)
        {
            Log.BanFailed(_log, error, network.ToString());
        }
    }
}
