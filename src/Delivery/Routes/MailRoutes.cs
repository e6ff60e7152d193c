using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Wire;

namespace Posthorn.Delivery;

/// <summary>The ordered rules of where mail goes that leaves. A change moves what waits to where it belongs now.</summary>
public sealed class MailRoutes
{
    /// <summary>Where the passwords of relays are sealed.</summary>
    public static SealedColumn Passwords { get; } = new("relay", "mail_route", "password", "route");

    private const string Channel = "mail-routes";
    private const string FingerprintName = "routes";
    private const int RouteSliceRows = 500;

    private const string Columns = """
        route, position, recipient_domain, sender_domain, sender_account, size_min, header, header_text, action, host, port, security, login, sources,
        socks, mailbox, text, lifetime, retry
        """;

    private const string InsertSql = $"""
        INSERT INTO mail_route (position, recipient_domain, sender_domain, sender_account, size_min, header, header_text, action, host, port,
            security, login, sources, socks, mailbox, text, lifetime, retry)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) RETURNING route
        """;

    // What an operator sent another way by hand stays there.
    private const string WaitingSql = """
        SELECT r.recipient, r.entry, r.address, r.lane, e.sender, e.submitter, e.length + LENGTH(e.trace)
        FROM queue_recipient r JOIN queue_entry e ON e.entry = r.entry
        WHERE r.recipient > $1 AND r.kind = 0 AND r.state <> 1 AND r.pinned = 0 ORDER BY r.recipient LIMIT $2
        """;

    private readonly Database _db;
    private readonly DeliverySettings _settings;
    private readonly Vault? _vault;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private Task _rerouting = Task.CompletedTask;
    private volatile RouteSet? _current;
    private int _generation;

    internal MailRoutes(Database db, DeliverySettings settings, Vault? vault, ILogger log)
    {
        (_db, _settings, _vault, _log) = (db, settings, vault, log);
        _db.Notified += (_, notice) =>
        {
            if (notice.Channel == Channel) Forget();
        };
        _db.NotificationsLost += (_, _) => Forget();
    }

    /// <summary>Called with lanes to which something was moved.</summary>
    internal Action<IReadOnlyCollection<string>> Moved { get; set; } = static _ => { };

    public async ValueTask<IReadOnlyList<MailRoute>> ListAsync(CancellationToken ct = default) => (await CurrentAsync(ct)).Routes;

    /// <param name="wanted">Its id is not looked at; its position neither when it is 0: it comes last.</param>
    /// <param name="password">UTF-8; empty for none.</param>
    /// <returns>Refusals: Invalid, TooMany.</returns>
    public async ValueTask<Result<MailRoute>> AddAsync(MailRoute wanted, ReadOnlyMemory<byte> password, CancellationToken ct = default)
    {
        if (Fault(wanted, password.Length) is { } fault) return new Refusal(RefusalKind.Invalid, fault);
        try
        {
            var added = await _db.WriteAsync(tx => Add(tx, wanted, password.Span), ct);
            Forget();
            Log.RouteChanged(_log, added.Id, added.Action, "added");
            await RerouteAsync(ct);
            return added;
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
    }

    public async ValueTask<Result<MailRoute>> RemoveAsync(long id, CancellationToken ct = default)
    {
        var removed = (await CurrentAsync(ct)).Routes.FirstOrDefault(route => route.Id == id);
        var isGone = removed is not null && await _db.WriteAsync(
            tx =>
            {
                tx.Notify(Channel, "");
                return tx.Prepare("DELETE FROM mail_route WHERE route = $1").Bind(id).Execute();
            },
            ct) == 1;
        if (!isGone) return new Refusal(RefusalKind.NotFound, string.Create(CultureInfo.InvariantCulture, $"there is no route {id}"));
        Forget();
        Log.RouteChanged(_log, id, removed!.Action, "removed");
        await _db.WriteAsync(tx => tx.Prepare("UPDATE queue_recipient SET pinned = 0 WHERE pinned = $1").Bind(id).Execute(), ct);
        await RerouteAsync(ct);
        return removed;
    }

    internal async ValueTask<RouteSet> CurrentAsync(CancellationToken ct)
    {
        if (_current is { } current) return current;
        var generation = Volatile.Read(ref _generation);
        var read = await _db.ReadAsync(Read, ct);
        if (generation == Volatile.Read(ref _generation)) _current = read;
        return read;
    }

    /// <summary>Within an action.</summary>
    internal RouteSet Current(Snapshot db) => _current ?? Read(db);

    /// <summary>The server that a route hands mail to.</summary>
    internal NextHop HopOf(MailRoute? route) => route is null ? NextHop.Of(_settings) : new NextHop
    {
        Host = route.Action is RouteAction.Relay or RouteAction.Lmtp ? route.Host : null,
        Port = route.Port,
        Security = route.Security,
        Login = route.Login,
        PasswordAsync = route.Login is null ? null : ct => PasswordAsync(route.Id, ct),
        IsLmtp = route.Action == RouteAction.Lmtp,
        Sources = route.Sources,
        Socks = route.Socks is { } proxy ? new SocksProxy(proxy) : null,
    };

    /// <summary>After a start: when the routes are not those by which the rows were sorted, as with another relay in the configuration.</summary>
    internal async Task RerouteIfChangedAsync(CancellationToken ct)
    {
        var routes = await CurrentAsync(ct);
        var known = await _db.ReadAsync(static db => Setting(db), ct);
        if (known != Hash(routes)) await RerouteAsync(ct);
    }

    /// <summary>Moves what waits to the lanes where it belongs now, slice by slice; one such pass after the other.</summary>
    internal Task RerouteAsync(CancellationToken ct)
    {
        lock (_gate) return _rerouting = RerouteAfterAsync(_rerouting, ct);
    }

    private async Task RerouteAfterAsync(Task before, CancellationToken ct)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        var routes = await CurrentAsync(ct);
        long after = 0;
        var moved = 0;
        while (await _db.ReadAsync(db => Waiting(db, after), ct) is { Count: > 0 } rows)
        {
            after = rows[^1].Recipient;
            var changed = rows.Select(row => (row, Lane: routes.LaneOf(routes.Decide(row.Mail, row.Address), row.Address)))
                .Where(static pair => pair.Lane != pair.row.Lane).ToList();
            if (changed.Count == 0) continue;
            await _db.WriteAsync(
                tx =>
                {
                    foreach (var (row, lane) in changed) Move(tx, row.Recipient, lane);
                    return true;
                },
                ct);
            moved += changed.Count;
            Moved([.. changed.Select(static pair => pair.Lane).Distinct()]);
        }
        await _db.WriteAsync(tx => Remember(tx, Hash(routes)), ct);
        if (moved > 0) Log.Rerouted(_log, moved);
    }

    internal static void Move(Transaction tx, long recipient, string lane) =>
        tx.Prepare("UPDATE queue_recipient SET lane = $1 WHERE recipient = $2 AND state <> 1").Bind(lane).Bind(recipient).Execute();

    private void Forget()
    {
        Interlocked.Increment(ref _generation);
        _current = null;
    }

    private RouteSet Read(Snapshot db)
    {
        var routes = new List<MailRoute>();
        using var rows = db.Prepare($"SELECT {Columns} FROM mail_route ORDER BY position, route").Query();
        while (rows.Next()) routes.Add(Row(rows));
        return new RouteSet(routes, _settings);
    }

    private MailRoute Add(Transaction tx, MailRoute wanted, ReadOnlySpan<byte> password)
    {
        if (tx.Prepare("SELECT COUNT(*) FROM mail_route").Scalar() >= DeliveryLimits.RoutesMax)
        {
            throw new RefusalException(new Refusal(RefusalKind.TooMany, $"there are {DeliveryLimits.RoutesMax} routes already"));
        }
        var position = wanted.Position > 0 ? wanted.Position : (int)(tx.Prepare("SELECT MAX(position) FROM mail_route").Scalar() ?? 0) + 10;
        var match = wanted.Match;
        var id = tx.Prepare(InsertSql)
            .Bind(position).Bind(match.RecipientDomain).Bind(match.SenderDomain).Bind(match.SenderAccount?.Value).Bind(match.SizeMin)
            .Bind(match.Header).Bind(match.HeaderText).Bind((long)wanted.Action).Bind(wanted.Host).Bind(wanted.Port).Bind((long)wanted.Security)
            .Bind(wanted.Login).Bind(string.Join(',', wanted.Sources)).Bind(wanted.Socks?.ToString()).Bind(wanted.Mailbox?.ToString())
            .Bind(wanted.Text).Bind((long?)wanted.Lifetime?.TotalSeconds)
            .Bind(string.Join(',', wanted.Retry.Select(static delay => ((long)delay.TotalSeconds).ToString(CultureInfo.InvariantCulture))))
            .Scalar()!.Value;
        if (!password.IsEmpty)
        {
            tx.Prepare("UPDATE mail_route SET password = $1 WHERE route = $2")
                .Bind(_vault!.Seal(tx, Passwords.Purpose, [id], password)).Bind(id).Execute();
        }
        tx.Notify(Channel, "");
        return wanted with { Id = id, Position = position };
    }

    private string? Fault(MailRoute wanted, int passwordOctets) => wanted switch
    {
        { Action: RouteAction.Relay or RouteAction.Lmtp, Host: null or "" } => "a relay needs a host",
        { Action: RouteAction.Relay or RouteAction.Lmtp, Port: < 1 or > 65535 } => "a relay needs a port",
        { Action: not (RouteAction.Relay or RouteAction.Lmtp), Host: not null } => "only a relay has a host",
        { Action: RouteAction.Local, Mailbox: null } => "a local route needs the address of a mailbox",
        { Login: not null, Security: HopSecurity.None } => "nobody logs in without TLS",
        { Login: not null } when passwordOctets == 0 => "a login needs a password",
        { Login: null } when passwordOctets > 0 => "a password needs a login",
        { Match: { Header: null, HeaderText: not null } } => "a text is looked for in a header: name it",
        { Match.Header: { } name } when name.Length is 0 or > 76 || !name.All(static c => c is > ' ' and <= '~' and not ':') =>
            "this is no name of a header",
        { Retry.Count: > 32 } => "a schedule has at most 32 steps",
        _ when wanted.Retry.Any(static delay => delay < TimeSpan.FromSeconds(10)) => "ten seconds is the shortest time between two attempts",
        _ when passwordOctets > 0 && _vault is null => "this server has no vault to keep a password in",
        _ => null,
    };

    private async ValueTask<byte[]> PasswordAsync(long route, CancellationToken ct) => await _db.ReadAsync(
        db =>
        {
            byte[] value;
            using (var rows = db.Prepare("SELECT password FROM mail_route WHERE route = $1").Bind(route).Query())
            {
                if (!rows.Next() || rows.IsNull(0)) return [];
                value = rows.Blob(0).ToArray();
            }
            return _vault is not null && _vault.TryOpen(db, Passwords.Purpose, [route], value, out var secret) ? secret : [];
        },
        ct);

    private static List<WaitingRow> Waiting(Snapshot db, long after)
    {
        var found = new List<WaitingRow>();
        using var rows = db.Prepare(WaitingSql).Bind(after).Bind(RouteSliceRows).Query();
        while (rows.Next())
        {
            var mail = new RoutedMail(
                QueueTable.ReadPath(rows.Text(4)), rows.IsNull(5) ? null : new AccountId(rows.Int64(5)), rows.Int64(6), default);
            found.Add(new WaitingRow(rows.Int64(0), EmailAddress.Parse(rows.Text(2)), rows.Text(3), mail));
        }
        return found;
    }

    private static string? Setting(Snapshot db)
    {
        using var rows = db.Prepare("SELECT value FROM queue_setting WHERE name = $1").Bind(FingerprintName).Query();
        return rows.Next() ? rows.Text(0) : null;
    }

    private static bool Remember(Transaction tx, string hash) =>
        tx.Prepare("INSERT INTO queue_setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .Bind(FingerprintName).Bind(hash).Execute() == 1;

    private static string Hash(RouteSet routes) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(routes.Fingerprint)));

    private static MailRoute Row(Rows rows) => new()
    {
        Id = rows.Int64(0),
        Position = (int)rows.Int64(1),
        Match = new RouteMatch
        {
            RecipientDomain = rows.NullableText(2),
            SenderDomain = rows.NullableText(3),
            SenderAccount = rows.IsNull(4) ? null : new AccountId(rows.Int64(4)),
            SizeMin = rows.NullableInt64(5),
            Header = rows.NullableText(6),
            HeaderText = rows.NullableText(7),
        },
        Action = (RouteAction)rows.Int64(8),
        Host = rows.NullableText(9),
        Port = (int)rows.Int64(10),
        Security = (HopSecurity)rows.Int64(11),
        Login = rows.NullableText(12),
        Sources = RouteSet.ReadAddresses(rows.Text(13)),
        Socks = rows.NullableText(14) is { } proxy ? IPEndPoint.Parse(proxy) : null,
        Mailbox = rows.NullableText(15) is { } mailbox ? EmailAddress.Parse(mailbox) : null,
        Text = rows.NullableText(16),
        Lifetime = rows.NullableInt64(17) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        Retry = rows.Text(18) is { Length: > 0 } retry
            ? [.. retry.Split(',').Select(static delay => TimeSpan.FromSeconds(long.Parse(delay, CultureInfo.InvariantCulture)))]
            : [],
    };

    private readonly record struct WaitingRow(long Recipient, EmailAddress Address, string Lane, RoutedMail Mail);
}
