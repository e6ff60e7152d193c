using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>
/// The passwords of devices: one for each, narrow, and gone in a second. Their secrets are random, so they are stored as SHA-256 and as SCRAM's
/// verifiers; whoever reads those learns nothing that helps.
/// </summary>
public sealed class AppPasswords
{
    /// <summary>In use, of one account.</summary>
    public const int PerAccountMax = 50;

    public const int LabelCharactersMax = 60;

    /// <summary>How long a revoked one is still listed, and its use told to the owner.</summary>
    public static readonly TimeSpan Remembered = TimeSpan.FromDays(90);

    /// <summary>How often uses are written down.</summary>
    public static readonly TimeSpan WriteEvery = TimeSpan.FromSeconds(5);

    private const int ClientCharactersMax = 120;
    private const int TriesMax = 5;
    private const int ToldMax = 10_000;

    private readonly Database _db;
    private readonly LiveLogins _live;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly HashSet<(string Id, DeviceRefusal Refusal)> _told = [];
    private Dictionary<string, (DeviceUse Use, long Count)> _uses = [];
    private DateOnly _day;

    internal AppPasswords(Database db, LiveLogins live, TimeProvider time, ILogger log) => (_db, _live, _time, _log) = (db, live, time, log);

    /// <summary>Makes one for somebody else's account.</summary>
    public ValueTask<Result<IssuedAppPassword>> AddAsync(Authority by, EmailAddress address, NewAppPassword wanted, CancellationToken ct = default) =>
        AddAsync(tx => Accounts.DemandChangeable(tx, by, address), by.Name, null, wanted, ct);

    /// <summary>Makes one for the account of who asks.</summary>
    public ValueTask<Result<IssuedAppPassword>> AddOwnAsync(
        AccountId account, NewAppPassword wanted, System.Net.IPAddress? remote, CancellationToken ct = default) =>
        AddAsync(tx => DemandActive(tx, account), null, remote, wanted, ct);

    /// <summary>Those of an account, revoked ones of late included, the oldest first.</summary>
    public async ValueTask<IReadOnlyList<AppPassword>> ListAsync(AccountId account, CancellationToken ct = default)
    {
        await WriteUsesAsync(ct);
        return await _db.ReadAsync<IReadOnlyList<AppPassword>>(
            db => [.. AppPasswordTable.Of(db, account).Select(static stored => stored.Password)], ct);
    }

    /// <summary>Ends one, and every connection that has logged in with it.</summary>
    /// <param name="which">Its label or its id.</param>
    public ValueTask<Result<AppPassword>> RevokeAsync(Authority by, EmailAddress address, string which, CancellationToken ct = default) =>
        RevokeAsync(tx => Accounts.DemandChangeable(tx, by, address), by.Name, which, ct);

    /// <summary>Ends one of the account of who asks.</summary>
    public ValueTask<Result<AppPassword>> RevokeOwnAsync(AccountId account, string which, CancellationToken ct = default) =>
        RevokeAsync(tx => DemandActive(tx, account), "its owner", which, ct);

    /// <summary>What the program that has logged in says of itself (RFC 2971).</summary>
    internal void NoteClient(Identity identity, in LoginContext context, string client)
    {
        if (identity.Device is { } id && client.Length > 0) Note(id, context, client, 0);
    }

    /// <summary>Writes down which have been used. Called now and then, and at the end.</summary>
    public async Task WriteUsesAsync(CancellationToken ct)
    {
        Dictionary<string, (DeviceUse Use, long Count)> taken;
        lock (_lock)
        {
            if (_uses.Count == 0) return;
            (taken, _uses) = (_uses, []);
        }
        foreach (var slice in taken.Chunk(500))
        {
            await _db.WriteAsync(
                tx =>
                {
                    foreach (var (id, (use, count)) in slice) AppPasswordTable.Used(tx, id, use, count);
                    return true;
                },
                ct);
        }
    }

    /// <summary>Forgets those that were revoked or have expired long ago.</summary>
    public async Task PurgeAsync(CancellationToken ct) => await _db.WriteAsync(tx => AppPasswordTable.Purge(tx, _time.GetUtcNow() - Remembered), ct);

    /// <summary>A device has logged in.</summary>
    internal void Used(AppPassword password, in LoginContext context) => Note(password.Id, context, "", 1);

    /// <summary>A right secret was refused: the log and the owner get the reason, the client does not. The owner hears it once a day.</summary>
    internal async ValueTask MisusedAsync(AppPassword password, EmailAddress owner, DeviceRefusal refusal, LoginContext context, CancellationToken ct)
    {
        Log.AppPasswordRefused(_log, password.Id, password.Label, owner, refusal, context.Protocol, context.Remote);
        if (!IsNews(password.Id, refusal)) return;
        var from = context.Remote is { } remote ? remote.Unmapped().ToString() : "this server itself";
        var detail = $"“{password.Label}” over {context.Protocol} from {from}, and {WordsOf(refusal)}";
        await _db.WriteAsync(
            tx =>
            {
                AccountNews.Add(tx, password.Account, AccountEvent.AppPasswordRefused, detail);
                return true;
            },
            ct);
    }

    private static string WordsOf(DeviceRefusal refusal) => refusal switch
    {
        DeviceRefusal.Revoked => "it had been revoked",
        DeviceRefusal.Expired => "it had expired",
        DeviceRefusal.WrongScope => "it may not be used for this protocol",
        DeviceRefusal.WrongNetwork => "it may not be used from this network",
        _ => "the domain takes no passwords from mail programs",
    };

    private bool IsNews(string id, DeviceRefusal refusal)
    {
        lock (_lock)
        {
            var day = DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime);
            if (day != _day || _told.Count >= ToldMax) _told.Clear();
            _day = day;
            return _told.Add((id, refusal));
        }
    }

    private async ValueTask<Result<IssuedAppPassword>> AddAsync(
        Func<Transaction, Account> demand, string? by, System.Net.IPAddress? remote, NewAppPassword wanted, CancellationToken ct)
    {
        var label = wanted.Label.Trim();
        if (label.Length is 0 or > LabelCharactersMax || label.Any(char.IsControl))
        {
            return new Refusal(RefusalKind.Invalid, $"a label has 1 to {LabelCharactersMax} characters");
        }
        if (wanted.Scopes == AppScopes.None) return new Refusal(RefusalKind.Invalid, "an app password needs at least one scope");
        if (wanted.Lifetime <= TimeSpan.Zero) return new Refusal(RefusalKind.Invalid, "an app password must expire in the future");
        var secret = AppPasswordText.New();
        var scram = Verifiers(secret);
        var added = await _db.TryWriteAsync(
            tx =>
            {
                var account = demand(tx);
                DemandRoom(tx, account.Id, label);
                // Of the ids there are a thousand million: two meet once in a long while.
                for (var tries = 0; AppPasswordTable.Find(tx, AppPasswordText.IdOf(secret)) is not null; tries++)
                {
                    if (tries == TriesMax) throw Refused.Conflict("no id is free");
                    secret = AppPasswordText.New();
                    scram = Verifiers(secret);
                }
                var password = new AppPassword(
                    AppPasswordText.IdOf(secret), account.Id, label, wanted.Scopes, wanted.Networks, tx.Now, by ?? account.Address.ToString(),
                    tx.Now + wanted.Lifetime);
                AppPasswordTable.Insert(tx, password, AppPasswordText.HashOf(secret), scram);
                var where = remote is null ? "" : $" at {remote.Unmapped()}";
                AccountNews.Add(tx, account.Id, AccountEvent.AppPasswordMade, $"“{label}”, by {by ?? "you"}{where}");
                return (Issued: new IssuedAppPassword(password, secret), account.Address);
            },
            ct);
        if (!added.TryGet(out var made)) return added.Refusal!;
        Log.AppPasswordAdded(_log, made.Issued.Password.Id, label, made.Address, made.Issued.Password.CreatedBy);
        return made.Issued;
    }

    private async ValueTask<Result<AppPassword>> RevokeAsync(Func<Transaction, Account> demand, string by, string which, CancellationToken ct)
    {
        var revoked = await _db.TryWriteAsync(
            tx =>
            {
                var account = demand(tx);
                var found = AppPasswordTable.Of(tx, account.Id).Find(stored => stored.Password.RevokedAt is null
                    && (stored.Password.Label == which || stored.Password.Id == which));
                if (found is null || AppPasswordTable.Revoke(tx, found.Password.Id) == 0)
                {
                    throw Refused.NotFound("there is no such app password in use");
                }
                _live.EndAfter(tx, account.Id, found.Password.Id);
                return (Password: found.Password with { RevokedAt = tx.Now }, account.Address);
            },
            ct);
        if (!revoked.TryGet(out var gone)) return revoked.Refusal!;
        Log.AppPasswordRevoked(_log, gone.Password.Id, gone.Password.Label, gone.Address, by);
        return gone.Password;
    }

    // RFC 7677 §4: what people choose needs many rounds, 130 random bits need none.
    private static IReadOnlyList<ScramVerifier> Verifiers(string secret) =>
        [.. ScramHash.All.Select(hash => ScramVerifier.MakeForRandom(hash, System.Text.Encoding.ASCII.GetBytes(secret)))];

    private static void DemandRoom(Transaction tx, AccountId account, string label)
    {
        var active = AppPasswordTable.Of(tx, account).FindAll(static stored => stored.Password.RevokedAt is null);
        if (active.Count >= PerAccountMax)
        {
            throw new RefusalException(new Refusal(RefusalKind.TooMany, $"an account has at most {PerAccountMax} app passwords"));
        }
        if (active.Exists(stored => stored.Password.Label == label))
        {
            throw new RefusalException(new Refusal(RefusalKind.AlreadyExists, $"there is an app password {label} already"));
        }
    }

    private static Account DemandActive(Transaction tx, AccountId account) =>
        Accounts.Read(tx, account) is { IsActive: true } found ? found : throw Refused.NotFound("there is no such account");

    private void Note(string id, in LoginContext context, string client, long count)
    {
        var cut = client.Length > ClientCharactersMax ? client[..ClientCharactersMax] : client;
        var shown = string.Concat(cut.Select(static c => char.IsControl(c) ? ' ' : c));
        var use = new DeviceUse(_time.GetUtcNow(), context.Remote, context.Protocol, shown);
        lock (_lock)
        {
            ref var gathered = ref CollectionsMarshal.GetValueRefOrAddDefault(_uses, id, out var isKnown);
            if (isKnown && use.Client.Length == 0) use = use with { Client = gathered.Use.Client };
            gathered = (use, gathered.Count + count);
        }
    }
}
