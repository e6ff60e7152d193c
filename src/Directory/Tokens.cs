using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>What an API token opens. The numbers are stored by name.</summary>
[Flags]
public enum TokenScopes
{
    None = 0,
    Scim = 1,
    Admin = 2,
    Send = 4,
    Metrics = 8,
}

/// <summary>An API token as it may be shown: never its secret.</summary>
/// <param name="Domain">The one domain it reaches; none means the whole server.</param>
public sealed record ApiToken(
    string Id,
    string Label,
    TokenScopes Scopes,
    Domain? Domain,
    AllowedNetworks Networks,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? LastUsedAt)
{
    /// <summary>What the token may change, if it may change anything.</summary>
    public Authority? Authority => !Scopes.HasFlag(TokenScopes.Admin) ? null
        : Domain is null ? Authority.OverEverything("token " + Id) : Authority.OverDomain("token " + Id, Domain);
}

/// <summary>What is asked for a new token.</summary>
public sealed record NewToken(TokenScopes Scopes)
{
    public string Label { get; init; } = "";

    public Domain? Domain { get; init; }

    public TimeSpan? Lifetime { get; init; }

    public AllowedNetworks Networks { get; init; } = AllowedNetworks.Anywhere;
}

/// <summary>A token and its secret, which is shown now and never again.</summary>
public sealed record IssuedToken(ApiToken Token, string Secret)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => Token.Id;
}

/// <summary>
/// Bearer tokens for the API: <c>pht_</c>, the id in 12 hexadecimal digits, <c>_</c>, and 256 random bits. The id finds the row, so that one
/// SHA-256 decides; secrets of 256 bits need no slow hash.
/// </summary>
public sealed class Tokens
{
    private const string Prefix = "pht_";
    private const int IdLength = 12;
    private const int SecretLength = 43;
    private const string Columns = "token, label, scopes, domain, networks, created, expires, last_used, hash";

    private static readonly TimeSpan UseGranularity = TimeSpan.FromMinutes(10);
    private static readonly Refusal Wrong = new(RefusalKind.NotAuthenticated, "the token is not valid");

    private readonly Database _db;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    internal Tokens(Database db, TimeProvider time, ILogger log) => (_db, _time, _log) = (db, time, log);

    public async ValueTask<Result<IssuedToken>> AddAsync(Authority by, NewToken wanted, CancellationToken ct = default)
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength / 2));
        var secret = Prefix + id + "_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var added = await _db.TryWriteAsync(tx =>
        {
            if (wanted.Scopes == TokenScopes.None) throw Refused.Invalid("a token needs at least one scope");
            if (wanted.Lifetime <= TimeSpan.Zero) throw Refused.Invalid("a token must expire in the future");
            if (wanted.Domain is null) by.DemandEverything("issue a token for the whole server");
            else
            {
                by.Demand(wanted.Domain);
                Names.DemandDomain(tx, wanted.Domain);
            }
            tx.Prepare("INSERT INTO token (token, label, scopes, domain, networks, created, expires, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
                .Bind(id).Bind(wanted.Label).Bind(NamesOf(wanted.Scopes)).Bind(wanted.Domain?.Ascii).Bind(wanted.Networks.ToString())
                .Bind(tx.Now).Bind((tx.Now + wanted.Lifetime)?.ToUnixTimeMilliseconds()).Bind(HashOf(secret)).Execute();
            return new IssuedToken(Read(tx, id)!.Value.Token, secret);
        }, ct);
        if (added.Ok) Log.TokenAdded(_log, id, wanted.Label, by.Name);
        return added;
    }

    /// <summary>Those the authority covers, oldest first.</summary>
    public ValueTask<IReadOnlyList<ApiToken>> ListAsync(Authority by, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<ApiToken>>(db =>
        {
            var found = new List<ApiToken>();
            using var rows = db.Prepare($"SELECT {Columns} FROM token ORDER BY created, token").Query();
            while (rows.Next())
            {
                var token = Row(rows);
                if (Reaches(by, token)) found.Add(token);
            }
            return found;
        }, ct);

    public async ValueTask<Result<ApiToken>> RevokeAsync(Authority by, string id, CancellationToken ct = default)
    {
        var revoked = await _db.TryWriteAsync(tx =>
        {
            // A token beyond the authority is not there for it.
            if (Read(tx, id) is not { } found || !Reaches(by, found.Token)) throw Refused.NotFound("there is no such token");
            tx.Prepare("DELETE FROM token WHERE token = $1").Bind(id).Execute();
            return found.Token;
        }, ct);
        if (revoked.Ok) Log.TokenRevoked(_log, id, by.Name);
        return revoked;
    }

    /// <summary>Checks a bearer token and notes its use.</summary>
    public async ValueTask<Result<ApiToken>> VerifyAsync(string secret, IPAddress? remote, CancellationToken ct = default)
    {
        if (!TryIdOf(secret, out var id)) return Wrong;
        var found = await _db.ReadAsync(db => Read(db, id), ct);
        if (found is not var (token, hash) || !CryptographicOperations.FixedTimeEquals(hash, HashOf(secret))) return Wrong;
        var now = _time.GetUtcNow();
        if (token.ExpiresAt <= now) return new Refusal(RefusalKind.NotAuthenticated, "the token has expired");
        if (!token.Networks.Contains(remote)) return new Refusal(RefusalKind.Forbidden, "the token may not be used from this network");
        if (token.LastUsedAt is null || now - token.LastUsedAt > UseGranularity)
        {
            await _db.WriteAsync(tx => tx.Prepare("UPDATE token SET last_used = $1 WHERE token = $2").Bind(tx.Now).Bind(id).Execute(), ct);
        }
        return token;
    }

    /// <summary>The scope's name as the command line and the API write it.</summary>
    public static bool TryScope(string name, out TokenScopes scope)
    {
        scope = name switch
        {
            "scim" => TokenScopes.Scim,
            "admin" => TokenScopes.Admin,
            "send" => TokenScopes.Send,
            "metrics" => TokenScopes.Metrics,
            _ => TokenScopes.None,
        };
        return scope != TokenScopes.None;
    }

    /// <summary>The scopes' names, separated by commas.</summary>
    public static string NamesOf(TokenScopes scopes) => string.Join(',', new[]
    {
        scopes.HasFlag(TokenScopes.Scim) ? "scim" : null,
        scopes.HasFlag(TokenScopes.Admin) ? "admin" : null,
        scopes.HasFlag(TokenScopes.Send) ? "send" : null,
        scopes.HasFlag(TokenScopes.Metrics) ? "metrics" : null,
    }.OfType<string>());

    private static bool Reaches(Authority by, ApiToken token) => by.Only is null || by.Only == token.Domain;

    private static bool TryIdOf(string secret, out string id)
    {
        id = "";
        if (secret.Length != Prefix.Length + IdLength + 1 + SecretLength) return false;
        if (!secret.StartsWith(Prefix, StringComparison.Ordinal) || secret[Prefix.Length + IdLength] != '_') return false;
        id = secret.Substring(Prefix.Length, IdLength);
        return id.All(char.IsAsciiHexDigitLower);
    }

    private static byte[] HashOf(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private static (ApiToken Token, byte[] Hash)? Read(Snapshot db, string id)
    {
        using var rows = db.Prepare($"SELECT {Columns} FROM token WHERE token = $1").Bind(id).Query();
        return rows.Next() ? (Row(rows), rows.Blob(8).ToArray()) : null;
    }

    private static ApiToken Row(Rows rows)
    {
        var scopes = TokenScopes.None;
        foreach (var name in rows.Text(2).Split(','))
        {
            if (TryScope(name, out var scope)) scopes |= scope;
        }
        return new ApiToken(
            rows.Text(0),
            rows.Text(1),
            scopes,
            rows.NullableText(3) is { } domain ? Domain.Parse(domain) : null,
            AllowedNetworks.Stored(rows.Text(4)),
            rows.Time(5),
            rows.IsNull(6) ? null : rows.Time(6),
            rows.IsNull(7) ? null : rows.Time(7));
    }
}
