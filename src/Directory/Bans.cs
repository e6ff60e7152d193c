using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>A network whose connections are not served.</summary>
/// <param name="ExpiresAt">Null for one that lasts until it is taken back.</param>
public sealed record Ban(IPNetwork Network, string Reason, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

/// <summary>
/// The networks that nobody is served from, by hand or by <see cref="Conduct"/>. Every connection asks, so the answer is in memory.
/// </summary>
public sealed class Bans
{
    /// <summary>Beyond it, the ones that end first give way to new ones.</summary>
    public const int BansMax = 50_000;

    /// <summary>How often what another node has banned, and what has ended, is looked at.</summary>
    public static readonly TimeSpan RefreshEvery = TimeSpan.FromMinutes(1);

    private const string Columns = "network, reason, created, expires";

    private readonly Database _db;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private Table _table = Table.Empty;

    internal Bans(Database db, TimeProvider time, ILogger log) => (_db, _time, _log) = (db, time, log);

    /// <summary>Whether a client from this address is turned away.</summary>
    public bool Covers(IPAddress address) => Volatile.Read(ref _table).Covers(address.Unmapped(), _time.GetUtcNow());

    /// <summary>Those that hold, the newest first.</summary>
    public ValueTask<IReadOnlyList<Ban>> ListAsync(CancellationToken ct = default) => _db.ReadAsync<IReadOnlyList<Ban>>(Read, ct);

    /// <summary>Bans a network, or changes how long and why it is.</summary>
    /// <param name="lifetime">Null for ever.</param>
    public async ValueTask<Result<Ban>> AddAsync(
        Authority by, IPNetwork network, string reason, TimeSpan? lifetime, CancellationToken ct = default)
    {
        var added = await _db.TryWriteAsync(tx =>
        {
            by.DemandEverything("ban a network");
            if (lifetime <= TimeSpan.Zero) throw Refused.Invalid("a ban must end in the future");
            var ban = new Ban(network, reason, tx.Now, tx.Now + lifetime);
            Insert(tx, ban);
            return ban;
        }, ct);
        if (added.TryGet(out var ban)) Log.Banned(_log, ban.Network.ToString(), reason, by.Name);
        await RefreshAsync(ct);
        return added;
    }

    public async ValueTask<Result<Ban>> RemoveAsync(Authority by, IPNetwork network, CancellationToken ct = default)
    {
        var removed = await _db.TryWriteAsync(tx =>
        {
            by.DemandEverything("take a ban back");
            var ban = Read(tx).FirstOrDefault(ban => ban.Network.Equals(network)) ?? throw Refused.NotFound($"{network} is not banned");
            tx.Prepare("DELETE FROM ban WHERE network = $1").Bind(network.ToString()).Execute();
            return ban;
        }, ct);
        if (removed.Ok) Log.Unbanned(_log, network.ToString(), by.Name);
        await RefreshAsync(ct);
        return removed;
    }

    /// <summary>Reads the table anew and forgets what has ended. Called now and then, and after every change here.</summary>
    public async Task RefreshAsync(CancellationToken ct)
    {
        var bans = await _db.WriteAsync(tx =>
        {
            tx.Prepare("DELETE FROM ban WHERE expires <= $1").Bind(tx.Now).Execute();
            return Read(tx);
        }, ct);
        Volatile.Write(ref _table, Table.Of(bans));
    }

    private static void Insert(Transaction tx, Ban ban)
    {
        if (tx.Prepare("SELECT COUNT(*) FROM ban").Scalar() >= BansMax)
        {
            tx.Prepare("DELETE FROM ban WHERE network IN (SELECT network FROM ban WHERE expires IS NOT NULL ORDER BY expires LIMIT 100)").Execute();
        }
        tx.Prepare("INSERT INTO ban (network, reason, created, expires) VALUES ($1, $2, $3, $4) "
                + "ON CONFLICT (network) DO UPDATE SET reason = excluded.reason, created = excluded.created, expires = excluded.expires")
            .Bind(ban.Network.ToString()).Bind(ban.Reason).Bind(ban.CreatedAt).Bind(ban.ExpiresAt?.ToUnixTimeMilliseconds()).Execute();
    }

    private static List<Ban> Read(Snapshot db)
    {
        var bans = new List<Ban>();
        using var rows = db.Prepare($"SELECT {Columns} FROM ban ORDER BY created DESC, network").Query();
        while (rows.Next())
        {
            bans.Add(new Ban(IPNetwork.Parse(rows.Text(0)), rows.Text(1), rows.Time(2), rows.IsNull(3) ? null : rows.Time(3)));
        }
        return bans;
    }

    /// <summary>The bans by their prefix, so that an address asks once for each length that there is.</summary>
    private sealed class Table(FrozenDictionary<IPNetwork, DateTimeOffset> ends, int[] lengths4, int[] lengths6)
    {
        public static readonly Table Empty = new(FrozenDictionary<IPNetwork, DateTimeOffset>.Empty, [], []);

        public static Table Of(List<Ban> bans) => new(
            bans.ToFrozenDictionary(ban => ban.Network, ban => ban.ExpiresAt ?? DateTimeOffset.MaxValue),
            Lengths(bans, AddressFamily.InterNetwork),
            Lengths(bans, AddressFamily.InterNetworkV6));

        public bool Covers(IPAddress address, DateTimeOffset now)
        {
            if (ends.Count == 0) return false;
            foreach (var length in address.AddressFamily == AddressFamily.InterNetwork ? lengths4 : lengths6)
            {
                if (ends.TryGetValue(Conduct.NetworkOf(address, length), out var end) && end > now) return true;
            }
            return false;
        }

        private static int[] Lengths(List<Ban> bans, AddressFamily family) =>
            [.. bans.Where(ban => ban.Network.BaseAddress.AddressFamily == family).Select(ban => ban.Network.PrefixLength).Distinct()];
    }
}
