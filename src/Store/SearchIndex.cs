using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Which Emails may contain what was looked for. The index proposes; whoever searches reads the text of those and decides.</summary>
public sealed class SearchCandidates
{
    private readonly HashSet<long> _emails;
    private readonly EmailId _indexedThrough;

    internal SearchCandidates(HashSet<long> emails, EmailId indexedThrough, bool narrows) =>
        (_emails, _indexedThrough, Narrows) = (emails, indexedThrough, narrows);

    /// <summary>False when the index cannot tell, the words being too short: every Email is a candidate.</summary>
    public bool Narrows { get; }

    /// <summary>True for what the index proposes, for what it has not seen yet, and for what it could not read whole.</summary>
    public bool Contains(EmailId email) => !Narrows || email.Value > _indexedThrough.Value || _emails.Contains(email.Value);
}

/// <summary>
/// The index of all words of all messages, in a database of its own beside SQLite (lost, it is built again), or in tables of its own on PostgreSQL.
/// It runs behind delivery and knows for each account how far it has come.
/// </summary>
public sealed class SearchIndex
{
    private readonly Database _db;
    private readonly SearchDialect _dialect;

    internal SearchIndex(Database db, Database? searchDb, BlobStore blobs, ViewCache views, TimeProvider time, ILogger log)
    {
        _db = searchDb ?? db;
        _dialect = SearchDialect.Of(_db.Kind);
        Feed = new SearchFeed(db, _db, _dialect, blobs, views, time, log);
    }

    /// <summary>Of the search database on SQLite, of the main one on PostgreSQL.</summary>
    public static Schema Schema { get; } = new("search", [SearchDialect.First, SearchDialect.Casemap]);

    internal SearchFeed Feed { get; }

    /// <param name="words">Substrings, each of which must stand somewhere in the headers or the text, compared without regard to case.</param>
    public ValueTask<SearchCandidates> CandidatesAsync(AccountId account, IReadOnlyList<string> words, CancellationToken ct = default)
    {
        var grams = words.SelectMany(SearchGrams.Of).ToHashSet();
        if (grams.Count == 0) return new(new SearchCandidates([], default, false));
        var query = _dialect.Query(account, grams);
        return _db.ReadAsync(
            db =>
            {
                var through = db.Prepare("SELECT email FROM search_position WHERE account = $1").Bind(account.Value).Scalar() ?? 0;
                var found = new HashSet<long>();
                using (var rows = db.Prepare(_dialect.MatchSql)
                    .Bind(query).Bind(EmailTable.FirstKey(account)).Bind(EmailTable.LastKey(account)).Query())
                {
                    while (rows.Next()) found.Add(EmailTable.EmailOf(rows.Int64(0)).Value);
                }

                using var open = db.Prepare("SELECT email FROM search_open WHERE account = $1").Bind(account.Value).Query();
                while (open.Next()) found.Add(open.Int64(0));
                return new SearchCandidates(found, new EmailId(through), true);
            },
            ct);
    }

    /// <summary>Brings one account's index up to now, without waiting for a quiet moment.</summary>
    public Task IndexAsync(AccountId account, CancellationToken ct = default) => Feed.IndexAsync(account, ct);
}

/// <summary>Full text is where the two databases speak differently: side by side, what each is asked.</summary>
internal sealed record SearchDialect(string PutSql, string DeleteSql, string DeleteRangeSql, string MatchSql, bool Numbers)
{
    /// <summary>search_open: Emails that could not be read whole, so that every search reads them.</summary>
    public const string First = """
        CREATE TABLE search_position (
            account BIGINT NOT NULL PRIMARY KEY,
            epoch BIGINT NOT NULL,
            modseq BIGINT NOT NULL,
            email BIGINT NOT NULL
        );
        CREATE TABLE search_open (
            account BIGINT NOT NULL,
            email BIGINT NOT NULL,
            PRIMARY KEY (account, email)
        ) WITHOUT ROWID;
        -- sqlite
        CREATE VIRTUAL TABLE search_text USING fts5 (grams, content='', contentless_delete=1, detail=none, tokenize='ascii');
        -- postgres
        CREATE TABLE search_text (
            document BIGINT NOT NULL PRIMARY KEY,
            grams BIGINT[] NOT NULL
        );
        -- postgres
        CREATE INDEX search_text_grams ON search_text USING GIN (grams);
        """;

    /// <summary>What was indexed before is folded otherwise: every account is indexed anew.</summary>
    public const string Casemap = "DELETE FROM search_position;";

    private static readonly SearchDialect Sqlite = new(
        "INSERT OR REPLACE INTO search_text (rowid, grams) VALUES ($1, $2)",
        "DELETE FROM search_text WHERE rowid = $1",
        """
        DELETE FROM search_text WHERE rowid IN (
            SELECT rowid FROM search_text WHERE rowid BETWEEN $1 AND $2 ORDER BY rowid LIMIT 500)
        """,
        "SELECT rowid FROM search_text WHERE search_text MATCH $1 AND rowid BETWEEN $2 AND $3",
        false);

    private static readonly SearchDialect Postgres = new(
        """
        INSERT INTO search_text (document, grams) VALUES ($1, CAST(CAST($2 AS TEXT) AS BIGINT[]))
        ON CONFLICT (document) DO UPDATE SET grams = excluded.grams
        """,
        "DELETE FROM search_text WHERE document = $1",
        """
        DELETE FROM search_text WHERE document IN (
            SELECT document FROM search_text WHERE document BETWEEN $1 AND $2 ORDER BY document LIMIT 500)
        """,
        "SELECT document FROM search_text WHERE grams @> CAST(CAST($1 AS TEXT) AS BIGINT[]) AND document BETWEEN $2 AND $3",
        true);

    public static SearchDialect Of(DatabaseKind kind) => kind == DatabaseKind.Sqlite ? Sqlite : Postgres;

    /// <summary>What is stored of a text.</summary>
    public string Document(AccountId account, HashSet<long> grams)
    {
        if (Numbers) return Array(account, grams);
        var text = new StringBuilder(grams.Count * 4);
        foreach (var gram in grams) SearchGrams.Append(text, gram).Append(' ');
        return text.ToString();
    }

    /// <summary>All of these pieces.</summary>
    public string Query(AccountId account, HashSet<long> grams) => Numbers
        ? Array(account, grams)
        : string.Join(" AND ", grams.Select(static g => SearchGrams.Append(new StringBuilder("\""), g).Append('"').ToString()));

    /// <summary>The account stands in each number, so that a piece's postings are one account's.</summary>
    private static string Array(AccountId account, HashSet<long> grams)
    {
        var text = new StringBuilder(grams.Count * 16 + 2).Append('{');
        foreach (var gram in grams)
        {
            if (text.Length > 1) text.Append(',');
            text.Append(account.Value << 32 | SearchGrams.Hash(gram));
        }

        return text.Append('}').ToString();
    }
}
