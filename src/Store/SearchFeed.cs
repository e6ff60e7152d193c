using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Mime;

namespace Posthorn.Store;

/// <summary>
/// Feeds the search index behind delivery. Arrivals are the email rows after the account's position, departures stand in the change log. Documents
/// and position
/// are written together, so a crash repeats at most a batch. It works when no commit has come for a second, when a burst lasts too long, or when
/// too much has gathered.
/// </summary>
internal sealed class SearchFeed : IAsyncDisposable
{
    /// <summary>Commits that may gather before the feed stops being polite; a search reads what is not indexed yet.</summary>
    private const int BacklogMax = 20_000;

    private const int EmailsPerBatch = 256;

    /// <summary>Characters of one message that are indexed; a longer one is read by every search.</summary>
    private const int CharsMax = 1024 * 1024;

    /// <summary>Room for so many pieces of text is kept from one message to the next.</summary>
    private const int GramsKeptMax = 64 * 1024;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    /// <summary>How long a burst of mail may keep the feed waiting: the index costs a third of what an arrival costs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Database _db;
    private readonly Database _searchDb;
    private readonly SearchDialect _dialect;
    private readonly BlobStore _blobs;
    private readonly ViewCache _views;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<long, bool> _dirty = new();
    private readonly SemaphoreSlim _work = new(0, 1);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<long> _grams = []; // of one message at a time; whose turn it is uses it
    private Task _loop = Task.CompletedTask;
    private long _commits;

    public SearchFeed(
        Database db, Database searchDb, SearchDialect dialect, BlobStore blobs, ViewCache views, TimeProvider time, ILogger log)
    {
        (_db, _searchDb, _dialect, _blobs, _views, _time, _log) = (db, searchDb, dialect, blobs, views, time, log);
        views.Committed += OnCommitted;
    }

    public async Task StartAsync(CancellationToken ct)
    {
        foreach (var account in await BehindAsync(ct)) _dirty[account.Value] = true;
        _loop = LoopAsync();
        if (!_dirty.IsEmpty) Wake();
    }

    /// <summary>Brings one account up to now.</summary>
    public async Task IndexAsync(AccountId account, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            while (await IndexBatchAsync(account, ct))
            {
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The account has changed, or is gone.</summary>
    public void OnCommitted(AccountId account)
    {
        Interlocked.Increment(ref _commits);
        if (_dirty.TryAdd(account.Value, true)) Wake();
    }

    public async ValueTask DisposeAsync()
    {
        _views.Committed -= OnCommitted;
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        _work.Dispose();
        _turn.Dispose();
    }

    private void Wake()
    {
        try
        {
            if (_work.CurrentCount == 0) _work.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else has woken it.
        }
        catch (ObjectDisposedException)
        {
            // A last commit while stopping: the next start finds it.
        }
    }

    private async Task LoopAsync()
    {
        try
        {
            while (true)
            {
                await _work.WaitAsync(_stop.Token);
                await WaitForQuietAsync();
                foreach (var account in _dirty.Keys)
                {
                    _dirty.TryRemove(account, out _);
                    await TryIndexAsync(new AccountId(account));
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
    }

    private async Task WaitForQuietAsync()
    {
        var (first, since) = (Volatile.Read(ref _commits), _time.GetTimestamp());
        while (true)
        {
            var before = Volatile.Read(ref _commits);
            await Task.Delay(Quiet, _time, _stop.Token);
            var now = Volatile.Read(ref _commits);
            if (now == before || now - first > BacklogMax || _time.GetElapsedTime(since) >= Patience) return;
        }
    }

    private async Task TryIndexAsync(AccountId account)
    {
        try
        {
            await IndexAsync(account, _stop.Token);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            Log.IndexingFailed(_log, error);
            _dirty[account.Value] = true;
            await Task.Delay(Quiet * 10, _time, _stop.Token);
            Wake();
        }
    }

    private async Task<List<AccountId>> BehindAsync(CancellationToken ct)
    {
        var positions = await _searchDb.ReadAsync(
            db =>
            {
                var found = new Dictionary<long, long>();
                using var rows = db.Prepare("SELECT account, modseq FROM search_position").Query();
                while (rows.Next()) found[rows.Int64(0)] = rows.Int64(1);
                return found;
            },
            ct);
        return await _db.ReadAsync(
            db =>
            {
                var behind = new List<AccountId>();
                using (var rows = db.Prepare("SELECT account, modseq FROM account_state").Query())
                {
                    while (rows.Next())
                    {
                        positions.Remove(rows.Int64(0), out var indexed);
                        if (indexed != rows.Int64(1)) behind.Add(new AccountId(rows.Int64(0)));
                    }
                }

                // What is left belongs to accounts that are no more.
                behind.AddRange(positions.Keys.Select(k => new AccountId(k)));
                return behind;
            },
            ct);
    }

    /// <summary>True when there may be more.</summary>
    private async Task<bool> IndexBatchAsync(AccountId account, CancellationToken ct)
    {
        var position = await _searchDb.ReadAsync(db => Position.Read(db, account), ct);
        var batch = await _db.ReadAsync(db => Batch.Read(db, account, position, EmailsPerBatch), ct);
        if (batch is null || (position is not null && (batch.Epoch != position.Epoch || batch.ModSeq < position.ModSeq)))
        {
            if (position is null) return false;
            if (batch is not null) Log.IndexRestarted(_log, account.Value);
            await ForgetAsync(account, ct);
            return batch is not null;
        }

        if (position is not null && batch.IsEmpty && batch.ModSeq == position.ModSeq) return false;
        var documents = new List<(EmailId Email, string? Grams, bool IsOpen)>(batch.Arrived.Count);
        foreach (var (email, blob, prefix) in batch.Arrived) documents.Add(await ReadAsync(account, email, blob, prefix, ct));
        var written = await _searchDb.WriteAsync(tx => Write(tx, account, position, batch, documents), ct);
        return !written || batch.HasMore;
    }

    private bool Write(
        Transaction tx, AccountId account, Position? position, Batch batch, List<(EmailId Email, string? Grams, bool IsOpen)> documents)
    {
        // Another node may have been here meanwhile: then this batch is not the next one any more.
        if (!batch.Through.Claim(tx, account, position)) return false;
        foreach (var (email, grams, isOpen) in documents)
        {
            if (grams is not null) tx.Prepare(_dialect.PutSql).Bind(EmailTable.Key(account, email)).Bind(grams).Execute();
            if (!isOpen) continue;
            tx.Prepare("INSERT INTO search_open (account, email) VALUES ($1, $2) ON CONFLICT (account, email) DO NOTHING")
                .Bind(account.Value).Bind(email.Value).Execute();
        }

        foreach (var email in batch.Destroyed)
        {
            tx.Prepare(_dialect.DeleteSql).Bind(EmailTable.Key(account, email)).Execute();
            tx.Prepare("DELETE FROM search_open WHERE account = $1 AND email = $2").Bind(account.Value).Bind(email.Value).Execute();
        }

        return true;
    }

    private async Task<(EmailId Email, string? Grams, bool IsOpen)> ReadAsync(
        AccountId account, EmailId email, BlobId blob, byte[] prefix, CancellationToken ct)
    {
        try
        {
            var reader = await _blobs.OpenAsync(blob, ct);
            if (reader is null) return (email, null, false); // destroyed meanwhile
            using var message = new StoredMessage(email, prefix, reader);
            await using var stream = message.AsStream();
            var text = await SearchText.ExtractAsync(stream, ct);
            var grams = _grams;
            grams.Clear();
            if (grams.Capacity > GramsKeptMax) grams.TrimExcess(); // a huge message does not hold memory for good
            var room = CharsMax;
            foreach (var field in (string[])[text.From, text.To, text.Cc, text.Bcc, text.Subject, text.Headers, text.Body])
            {
                SearchGrams.Collect(field.AsSpan(0, Math.Clamp(room, 0, field.Length)), grams);
                room -= field.Length;
            }

            return (email, _dialect.Document(account, grams), text.IsCut || room < 0);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            Log.NotIndexed(_log, account.Value, email.Value, error.Message);
            return (email, null, true);
        }
    }

    private async Task ForgetAsync(AccountId account, CancellationToken ct)
    {
        while (await _searchDb.WriteAsync(
            tx => tx.Prepare(_dialect.DeleteRangeSql).Bind(EmailTable.FirstKey(account)).Bind(EmailTable.LastKey(account)).Execute(), ct) > 0)
        {
        }

        await _searchDb.WriteAsync(
            tx => tx.Prepare("DELETE FROM search_open WHERE account = $1").Bind(account.Value).Execute()
                + tx.Prepare("DELETE FROM search_position WHERE account = $1").Bind(account.Value).Execute(),
            ct);
    }

    /// <summary>How far an account's index has come.</summary>
    private sealed record Position(long Epoch, long ModSeq, long Email)
    {
        public static Position? Read(Snapshot db, AccountId account)
        {
            using var rows = db.Prepare("SELECT epoch, modseq, email FROM search_position WHERE account = $1").Bind(account.Value).Query();
            return rows.Next() ? new Position(rows.Int64(0), rows.Int64(1), rows.Int64(2)) : null;
        }

        /// <summary>Moves the position from the one expected to this one; false when it is not there any more.</summary>
        public bool Claim(Transaction tx, AccountId account, Position? expected)
        {
            var statement = expected is null
                ? tx.Prepare("""
                    INSERT INTO search_position (epoch, modseq, email, account) VALUES ($1, $2, $3, $4) ON CONFLICT (account) DO NOTHING
                    """)
                : tx.Prepare("""
                    UPDATE search_position SET epoch = $1, modseq = $2, email = $3 WHERE account = $4 AND modseq = $5 AND email = $6
                    """);
            statement.Bind(Epoch).Bind(ModSeq).Bind(Email).Bind(account.Value);
            if (expected is not null) statement.Bind(expected.ModSeq).Bind(expected.Email);
            return statement.Execute() > 0;
        }
    }

    /// <summary>What comes next for an account.</summary>
    private sealed record Batch(
        long Epoch, long ModSeq, Position Through, bool HasMore, List<(EmailId Email, BlobId Blob, byte[] Prefix)> Arrived, List<EmailId> Destroyed)
    {
        public bool IsEmpty => Arrived.Count == 0 && Destroyed.Count == 0;

        /// <summary>Null when there is no such account.</summary>
        public static Batch? Read(Snapshot db, AccountId account, Position? position, int emailsMax)
        {
            long epoch, modSeq;
            using (var state = db.Prepare("SELECT epoch, modseq FROM account_state WHERE account = $1 AND removed = 0").Bind(account.Value).Query())
            {
                if (!state.Next()) return null;
                (epoch, modSeq) = (state.Int64(0), state.Int64(1));
            }

            var arrived = new List<(EmailId Email, BlobId Blob, byte[] Prefix)>(emailsMax);
            var through = position?.Email ?? 0;
            using (var rows = db.Prepare("SELECT id, blob, prefix FROM email WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3")
                .Bind(EmailTable.Key(account, new EmailId(through))).Bind(EmailTable.LastKey(account)).Bind(emailsMax).Query())
            {
                while (rows.Next()) arrived.Add((EmailTable.EmailOf(rows.Int64(0)), new BlobId(rows.Blob(1)), rows.Blob(2).ToArray()));
            }

            if (arrived.Count > 0) through = arrived[^1].Email.Value;

            // Departures count from the second round on: what the first one finds in the table is there.
            var log = ChangeStream.Read(db, account, new ModSeq(position?.ModSeq ?? modSeq), 500);
            var destroyed = log.Changes.Where(c => c.Kind == ChangeKind.Destroyed).SelectMany(c => c.Emails).Select(e => e.Email)
                .Where(e => e.Value <= through).ToList();
            var more = arrived.Count == emailsMax || log.HasMore;

            // A position with the account's own number says that nothing is left: one step less as long as there is.
            var reached = log.HasMore ? log.UpTo.Value : more ? modSeq - 1 : modSeq;
            return new Batch(epoch, modSeq, new Position(epoch, reached, through), more, arrived, destroyed);
        }
    }
}
