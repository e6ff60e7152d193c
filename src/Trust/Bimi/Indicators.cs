using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>Marks that were fetched, checked and kept: mail programs get their images from here, so that no sender sees who reads its mail.</summary>
/// <param name="fetch">The octets behind an address, or why there are none.</param>
/// <param name="roots">The authorities that are trusted for marks.</param>
public sealed class Indicators(
    Database db, Func<Uri, CancellationToken, Task<HttpsFetch>> fetch, X509Certificate2Collection roots, TimeProvider time, ILogger log)
{
    private const int FetchesMax = 16;

    private static readonly TimeSpan GoodFor = TimeSpan.FromDays(1);
    private static readonly TimeSpan BadFor = TimeSpan.FromHours(6);
    private static readonly TimeSpan SilentFor = TimeSpan.FromHours(1);

    /// <summary>Where the images stand on this server: this, the id, <c>.svg</c>.</summary>
    public const string Path = "/bimi/";

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Domain, string Selector), Task<Asserted>> _underWay = [];

    internal static string PathOf(string id) => $"{Path}{id}.svg";

    /// <summary>The mark of an assertion. What is not known yet is fetched; the wait for that is short, the next message finds it.</summary>
    /// <param name="names">The certificate must be for one of them.</param>
    internal async Task<(Indicator? Indicator, AuthResult Result, string Evidence)> FindAsync(
        string domain, string selector, Uri authority, IReadOnlyList<string> names, CancellationToken ct)
    {
        var known = await db.ReadAsync(d => Read(d, domain, selector), ct);
        if (known is not null && (known.Authority != authority.AbsoluteUri || known.Until <= time.GetUtcNow())) known = null;
        if (known is null)
        {
            var begun = Begin(domain, selector, authority, names);
            if (begun is not { } task) return (null, AuthResult.TempError, "too many certificates are being fetched");
            try
            {
                known = await task.WaitAsync(TrustLimits.BimiTimeout, time, ct);
            }
            catch (TimeoutException)
            {
                return (null, AuthResult.TempError, "the certificate did not come in time");
            }
        }
        return known.Id.Length > 0
            ? (new Indicator(known.Id, known.Authority, known.Organization), AuthResult.Pass, known.Note)
            : (null, known.Silent ? AuthResult.TempError : AuthResult.Fail, known.Note);
    }

    /// <summary>The image of a mark, an SVG of the profile for marks; null when there is none of that name.</summary>
    public ValueTask<byte[]?> ImageAsync(string id, CancellationToken ct = default) => db.ReadAsync(
        d =>
        {
            using var rows = d.Prepare("SELECT image FROM bimi_image WHERE id = $1").Bind(id).Query();
            return rows.Next() ? rows.Blob(0).ToArray() : null;
        },
        ct);

    /// <summary>Forgets assertions that nobody has made for a month. Images stay: messages refer to them for as long as they are kept.</summary>
    public ValueTask<int> PurgeAsync(CancellationToken ct) => db.WriteAsync(
        tx => tx.Prepare("DELETE FROM bimi_assertion WHERE until < $1").Bind(time.GetUtcNow() - TimeSpan.FromDays(30)).Execute(), ct);

    // Equal fetches under way are one.
    private Task<Asserted>? Begin(string domain, string selector, Uri authority, IReadOnlyList<string> names)
    {
        lock (_gate)
        {
            if (_underWay.TryGetValue((domain, selector), out var under)) return under;
            if (_underWay.Count >= FetchesMax) return null;
            var task = FetchAndKeepAsync(domain, selector, authority, names);
            _underWay.Add((domain, selector), task);
            return task;
        }
    }

    private async Task<Asserted> FetchAndKeepAsync(string domain, string selector, Uri authority, IReadOnlyList<string> names)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock
        try
        {
            var fetched = await fetch(authority, CancellationToken.None); // it has a time limit of its own, and outlives who asked first
            var now = time.GetUtcNow();
            Mark? mark = null;
            string? fault = null;
            if (fetched.Octets is { } pem) MarkCertificate.TryVerify(pem, names, roots, now, out mark, out fault);
            var from = authority.AbsoluteUri;
            var asserted = mark is not null
                ? new Asserted(from, Earlier(now + GoodFor, mark.Until), Hash(mark.Image), mark.Organization, "certified", false)
                : fetched.Octets is null ? new Asserted(from, now + SilentFor, "", "", fetched.Failure!, true)
                : new Asserted(from, now + BadFor, "", "", fault!, false);
            await db.WriteAsync(tx => Keep(tx, domain, selector, asserted, mark), CancellationToken.None);
            if (mark is null) BimiLog.NoMark(log, domain, selector, asserted.Note);
            else BimiLog.MarkFound(log, domain, selector, mark.Organization);
            return asserted;
        }
        finally
        {
            lock (_gate) _underWay.Remove((domain, selector));
        }
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private static string Hash(byte[] image) => Convert.ToHexStringLower(SHA256.HashData(image));

    private static Asserted? Read(Snapshot db, string domain, string selector)
    {
        using var rows = db.Prepare("SELECT authority, until, id, organization, note, silent FROM bimi_assertion WHERE domain = $1 AND selector = $2")
            .Bind(domain).Bind(selector).Query();
        return rows.Next() ? new Asserted(rows.Text(0), rows.Time(1), rows.Text(2), rows.Text(3), rows.Text(4), rows.Int64(5) != 0) : null;
    }

    private static bool Keep(Transaction tx, string domain, string selector, Asserted asserted, Mark? mark)
    {
        tx.Prepare("""
            INSERT INTO bimi_assertion (domain, selector, authority, until, id, organization, note, silent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (domain, selector) DO UPDATE SET authority = excluded.authority, until = excluded.until, id = excluded.id,
                organization = excluded.organization, note = excluded.note, silent = excluded.silent
            """)
            .Bind(domain).Bind(selector).Bind(asserted.Authority).Bind(asserted.Until).Bind(asserted.Id).Bind(asserted.Organization)
            .Bind(asserted.Note).Bind(asserted.Silent ? 1L : 0L).Execute();
        if (mark is not null)
        {
            tx.Prepare("INSERT INTO bimi_image (id, image) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING").Bind(asserted.Id).Bind(mark.Image).Execute();
        }
        return true;
    }

    /// <summary>What became of an assertion, as it is kept.</summary>
    /// <param name="Id">Empty without a mark.</param>
    /// <param name="Silent">The certificate could not be fetched.</param>
    private sealed record Asserted(string Authority, DateTimeOffset Until, string Id, string Organization, string Note, bool Silent);
}
