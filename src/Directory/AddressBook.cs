using System.Collections.Concurrent;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>Where mail goes, and in whose name it may be sent.</summary>
/// <remarks>
/// What resolves is remembered until the next change of the directory; what does not is asked again, so that guessing names fills nothing.
/// </remarks>
public sealed class AddressBook
{
    private const int EntriesMax = 16_384;

    private readonly Database _db;
    private readonly Generation _generation;
    private readonly ConcurrentDictionary<EmailAddress, Known<IReadOnlyList<Target>>> _targets = new();
    private readonly ConcurrentDictionary<Domain, Known<bool>> _domains = new();
    private readonly ConcurrentDictionary<Domain, Known<DmarcHandling>> _dmarc = new();

    internal AddressBook(Database db, Generation generation) => (_db, _generation) = (db, generation);

    /// <summary>
    /// Follows an address to accounts here and addresses elsewhere. A domain that is not of this server resolves to one remote target:
    /// whether to relay is the caller's decision. Refusals: NotFound, Disabled, TooMany (an alias that fans out too far).
    /// </summary>
    public async ValueTask<Result<IReadOnlyList<Target>>> ResolveAsync(EmailAddress address, CancellationToken ct = default)
    {
        var generation = _generation.Value;
        if (_targets.TryGetValue(address, out var known) && known.Generation == generation) return Result<IReadOnlyList<Target>>.Of(known.Value);
        var resolved = await _db.ReadAsync(db => Resolution.Resolve(db, address), ct);
        if (resolved.TryGet(out var targets)) Remember(_targets, address, targets, generation);
        return resolved;
    }

    /// <summary>Mail for <c>&lt;postmaster&gt;</c> without a domain (RFC 5321 §4.5.1) goes to the server's administrator.</summary>
    public ValueTask<Result<IReadOnlyList<Target>>> ResolvePostmasterAsync(CancellationToken ct = default) =>
        _db.ReadAsync(Resolution.Postmaster, ct);

    public async ValueTask<bool> IsLocalAsync(Domain domain, CancellationToken ct = default)
    {
        var generation = _generation.Value;
        if (_domains.TryGetValue(domain, out var known) && known.Generation == generation) return known.Value;
        var local = await _db.ReadAsync(db => Names.DomainExists(db, domain), ct);
        if (local) Remember(_domains, domain, local, generation);
        return local;
    }

    /// <summary>How a domain of this server wants mail to be handled that fails DMARC.</summary>
    public async ValueTask<DmarcHandling> DmarcAsync(Domain domain, CancellationToken ct = default)
    {
        var generation = _generation.Value;
        if (_dmarc.TryGetValue(domain, out var known) && known.Generation == generation) return known.Value;
        var handling = (await _db.ReadAsync(db => Domains.Read(db, domain), ct))?.Dmarc ?? DmarcHandling.Honour;
        Remember(_dmarc, domain, handling, generation);
        return handling;
    }

    /// <summary>
    /// Whether the address belongs to who is logged in: the account's own, plus forms included, an alias that names the account,
    /// an undefined one whose mail reaches only the account, or one that the account was given to send as, alone or with its whole domain.
    /// </summary>
    public ValueTask<bool> MaySendAsAsync(Identity identity, EmailAddress address, CancellationToken ct = default) =>
        identity.Address.Key == address.Key
            ? new(true)
            : _db.ReadAsync(db => Resolution.BelongsTo(db, address, identity), ct);

    private static void Remember<TKey, TValue>(ConcurrentDictionary<TKey, Known<TValue>> entries, TKey key, TValue value, long generation)
        where TKey : notnull
    {
        if (entries.Count >= EntriesMax) entries.Clear();
        entries[key] = new Known<TValue>(value, generation);
    }

    private readonly record struct Known<T>(T Value, long Generation);
}
