using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>What the operator asks of TLS with the servers of one domain, whatever that domain says itself. The numbers are stored.</summary>
public enum TlsRequirement
{
    /// <summary>No TLS, for servers whose TLS is broken.</summary>
    None = 0,

    /// <summary>TLS where it is offered, with any certificate.</summary>
    May = 1,

    /// <summary>TLS with any certificate.</summary>
    Encrypt = 2,

    /// <summary>TLS with a certificate for the server's name that the system trusts.</summary>
    Verify = 3,

    /// <summary>Only servers with TLSA records, as these say.</summary>
    DaneOnly = 4,
}

public sealed record TlsOverride(Domain Domain, TlsRequirement Requirement);

/// <summary>The operator's overrides. There are few, and each attempt asks: they are read once and kept.</summary>
public sealed class TlsOverrides(Database db)
{
    private volatile IReadOnlyDictionary<Domain, TlsRequirement>? _known;

    public async ValueTask<TlsRequirement?> FindAsync(Domain domain, CancellationToken ct)
    {
        var known = _known ??= await db.ReadAsync(Read, ct);
        return known.TryGetValue(domain, out var requirement) ? requirement : null;
    }

    public async ValueTask<IReadOnlyList<TlsOverride>> ListAsync(CancellationToken ct) =>
    [
        .. (await db.ReadAsync(Read, ct)).Select(static pair => new TlsOverride(pair.Key, pair.Value))
            .OrderBy(static one => one.Domain.Ascii, StringComparer.Ordinal),
    ];

    /// <param name="requirement">Null takes the override away.</param>
    public async ValueTask SetAsync(Domain domain, TlsRequirement? requirement, CancellationToken ct)
    {
        await db.WriteAsync(
            tx =>
            {
                tx.Prepare("DELETE FROM tls_override WHERE domain = $1").Bind(domain.Ascii).Execute();
                if (requirement is { } some)
                {
                    tx.Prepare("INSERT INTO tls_override (domain, requirement) VALUES ($1, $2)").Bind(domain.Ascii).Bind((long)some).Execute();
                }
                tx.OnCommit(() => _known = null);
                tx.Notify(Channel, "");
                return true;
            },
            ct);
    }

    /// <summary>Another node may have changed something.</summary>
    public void Forget() => _known = null;

    /// <summary>What every node hears of after a change.</summary>
    public const string Channel = "tls_override";

    private static Dictionary<Domain, TlsRequirement> Read(Snapshot db)
    {
        var found = new Dictionary<Domain, TlsRequirement>();
        using var rows = db.Prepare("SELECT domain, requirement FROM tls_override").Query();
        while (rows.Next()) found[Domain.Parse(rows.Text(0))] = (TlsRequirement)rows.Int64(1);
        return found;
    }
}
