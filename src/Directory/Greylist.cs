using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>Lets a stranger come back later: a server does, many a program that sends spam does not (RFC 6647).</summary>
/// <remarks>A policy that is off unless the operator wants it. A network that has come back once is not asked again for a month.</remarks>
public sealed class Greylist
{
    /// <summary>How long a first attempt waits (RFC 6647 §5: one minute to a day).</summary>
    public static readonly TimeSpan Delay = TimeSpan.FromMinutes(5);

    /// <summary>A second attempt that comes later than this is a first one.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromDays(2);

    /// <summary>How long a network is remembered that sent nothing meanwhile.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromDays(36);

    private readonly Database _db;
    private readonly bool _countsLoopback;
    private readonly TimeProvider _time;

    internal Greylist(Database db, DirectorySettings settings, TimeProvider time) =>
        (_db, _countsLoopback, _time) = (db, settings.ThrottleLoopback, time);

    /// <returns>Null when the recipient may be served now.</returns>
    public async ValueTask<Refusal?> CheckAsync(IPAddress remote, ReversePath from, EmailAddress to, CancellationToken ct = default)
    {
        remote = remote.Unmapped();
        if (!_countsLoopback && IPAddress.IsLoopback(remote)) return null;
        var network = Conduct.NetworkOf(remote, remote.AddressFamily == AddressFamily.InterNetwork ? 24 : 64).ToString();
        var (known, triplet) = (KeyOf(network), KeyOf($"{network}\0{from.Address?.Key}\0{to.Key}"));
        var now = _time.GetUtcNow();
        if (await _db.ReadAsync(db => Opens(db, known), ct) is { } opened && opened <= now && now - opened < Memory) return null;
        var opens = await _db.WriteAsync(tx => Attempt(tx, known, triplet), ct);
        return opens <= now ? null : new Refusal(
            RefusalKind.RateLimited, $"you are not known here yet; please try again in {Math.Ceiling((opens - now).TotalSeconds)} seconds");
    }

    /// <summary>Forgets who did not come back, and who has not come for long. Called now and then.</summary>
    public Task PurgeAsync(CancellationToken ct) => _db.WriteAsync(
        tx => tx.Prepare("DELETE FROM greylist WHERE until <= $1").Bind(tx.Now).Execute(), ct).AsTask();

    private static DateTimeOffset Attempt(Transaction tx, long known, long triplet)
    {
        if (Opens(tx, triplet) is not { } opens || tx.Now - opens > Window)
        {
            Put(tx, triplet, tx.Now + Delay, tx.Now + Delay + Window);
            return tx.Now + Delay;
        }
        if (opens <= tx.Now) Put(tx, known, opens, tx.Now + Memory);
        return opens;
    }

    private static DateTimeOffset? Opens(Snapshot db, long key) =>
        db.Prepare("SELECT opens FROM greylist WHERE key = $1").Bind(key).Scalar() is { } opens
            ? DateTimeOffset.FromUnixTimeMilliseconds(opens)
            : null;

    private static void Put(Transaction tx, long key, DateTimeOffset opens, DateTimeOffset until) =>
        tx.Prepare("INSERT INTO greylist (key, opens, until) VALUES ($1, $2, $3) "
                + "ON CONFLICT (key) DO UPDATE SET opens = excluded.opens, until = excluded.until")
            .Bind(key).Bind(opens).Bind(until).Execute();

    private static long KeyOf(string text) => BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
