using System.Net;
using System.Net.Sockets;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>
/// Counts failed log-ins in leaky buckets: one per network, one per account as seen from a network, one per account. Only failures
/// fill them, so a client with the right password is never slowed by itself.
/// </summary>
/// <remarks>
/// The account's own bucket is large, and does not bind a network from which that account has logged in lately: a stranger who guesses
/// passwords must not lock the owner out. What is remembered is bounded; when it is full, what has drained is dropped first.
/// </remarks>
internal sealed class LoginThrottle(TimeProvider time, ThrottleSizes? sizes = null)
{
    private const int EntriesMax = 65_536;

    private static readonly Refusal TooMany = new(RefusalKind.TooMany, "too many failed log-ins, try again later");

    private static readonly TimeSpan KnownFor = TimeSpan.FromDays(7);

    private readonly ThrottleSizes _sizes = sizes ?? ThrottleSizes.OfPasswords;

    private readonly Lock _lock = new();
    private readonly Dictionary<Key, double> _levels = []; // when the bucket will be empty, in seconds of the monotonic clock
    private readonly Dictionary<Key, double> _known = []; // until when a network counts as the account's own

    /// <summary>None when an attempt may be made now.</summary>
    /// <param name="login">The account's key: lower case.</param>
    public Refusal? Check(string login, IPAddress? remote)
    {
        var network = NetworkOf(remote);
        lock (_lock)
        {
            var now = Now();
            var own = _known.TryGetValue(new Key(login, network), out var until) && until > now;
            return Full(new Key("", network), _sizes.Network, now) || Full(new Key(login, network), _sizes.AccountAndNetwork, now)
                || (!own && Full(new Key(login, default), _sizes.Account, now))
                ? TooMany
                : null;
        }
    }

    /// <summary>For an attempt that names nobody: only the network's failures count, since nothing else could be guessed.</summary>
    public Refusal? CheckNetwork(IPAddress? remote)
    {
        lock (_lock)
        {
            return Full(new Key("", NetworkOf(remote)), _sizes.Network, Now()) ? TooMany : null;
        }
    }

    public void Failed(string login, IPAddress? remote)
    {
        var network = NetworkOf(remote);
        lock (_lock)
        {
            var now = Now();
            if (_levels.Count > EntriesMax) Trim(_levels, now);
            Fill(new Key("", network), _sizes.Network, now);
            Fill(new Key(login, network), _sizes.AccountAndNetwork, now);
            Fill(new Key(login, default), _sizes.Account, now);
        }
    }

    /// <summary>A proof of the password empties what the same client had filled by mistyping.</summary>
    public void Succeeded(string login, IPAddress? remote)
    {
        var network = NetworkOf(remote);
        lock (_lock)
        {
            _levels.Remove(new Key(login, network));
            if (_known.Count > EntriesMax) Trim(_known, Now());
            _known[new Key(login, network)] = Now() + KnownFor.TotalSeconds;
        }
    }

    private double Now() => time.GetTimestamp() / (double)time.TimestampFrequency;

    // A bucket that drains one failure per Drain is empty at its level times Drain from now; it is full when that is Burst drains away.
    private bool Full(Key key, ThrottleBucket bucket, double now) =>
        _levels.TryGetValue(key, out var empty) && empty - now > (bucket.Burst - 1) * bucket.Drain.TotalSeconds;

    private void Fill(Key key, ThrottleBucket bucket, double now) =>
        _levels[key] = Math.Max(now, _levels.GetValueOrDefault(key)) + bucket.Drain.TotalSeconds;

    private static void Trim(Dictionary<Key, double> entries, double now)
    {
        foreach (var (key, until) in entries)
        {
            if (until <= now) entries.Remove(key);
        }
        // Under a flood of networks the least filled half goes: it would have drained first.
        if (entries.Count <= EntriesMax / 2) return;
        var ends = entries.Values.Order().ToArray();
        var median = ends[ends.Length / 2];
        foreach (var (key, until) in entries)
        {
            if (until <= median) entries.Remove(key);
        }
    }

    // A household or a host has an IPv4 address or an IPv6 /64.
    private static UInt128 NetworkOf(IPAddress? remote)
    {
        if (remote is null) return UInt128.One;
        if (remote.IsIPv4MappedToIPv6) remote = remote.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        if (remote.AddressFamily == AddressFamily.InterNetwork)
        {
            bytes[11] = 0xFF;
            remote.TryWriteBytes(bytes[12..], out _);
        }
        else
        {
            remote.TryWriteBytes(bytes, out _);
            bytes[8..].Clear();
        }
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private readonly record struct Key(string Login, UInt128 Network);
}

/// <param name="Burst">How many failures fill it.</param>
/// <param name="Drain">The time in which one leaks away.</param>
internal readonly record struct ThrottleBucket(int Burst, TimeSpan Drain);

internal sealed record ThrottleSizes(ThrottleBucket Network, ThrottleBucket AccountAndNetwork, ThrottleBucket Account)
{
    public static ThrottleSizes OfPasswords { get; } = new(
        Network: new(20, TimeSpan.FromSeconds(30)),
        AccountAndNetwork: new(10, TimeSpan.FromSeconds(60)),
        Account: new(100, TimeSpan.FromSeconds(20)));
}
