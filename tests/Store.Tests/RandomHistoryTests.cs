using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

/// <summary>Random histories of one account, each step compared with a model that is too simple to be wrong.</summary>
public sealed class RandomHistoryTests
{
    private static readonly string[] Keywords = ["$Forwarded", "work", "Later", "x1", "x2"];

    public static TheoryData<DatabaseKind, int> Seeds
    {
        get
        {
            var data = new TheoryData<DatabaseKind, int>();
            for (var seed = 1; seed <= 8; seed++) data.Add(DatabaseKind.Sqlite, seed);
            for (var seed = 101; seed <= 103; seed++) data.Add(DatabaseKind.Postgres, seed);
            return data;
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public async Task A_random_history_leaves_what_the_model_says(DatabaseKind kind, int seed)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var run = new Run(host, new Random(seed));
        for (var step = 0; step < 150; step++) await run.StepAsync(step);
        await run.FinishAsync();
    }

    private sealed class Run(StoreHost host, Random random)
    {
        private readonly StoreModel _model = new();
        private readonly Dictionary<long, (MailboxView View, MailboxSnapshot Seen)> _open = [];
        private readonly Dictionary<long, string> _paths = [];
        private ModSeq _lastModSeq;

        private long AnyMailbox => _model.Mailboxes.Keys.Order().ElementAt(random.Next(_model.Mailboxes.Count));

        public async Task StepAsync(int step)
        {
            if (step == 0)
            {
                foreach (var mailbox in await host.Mailboxes.ListAsync(StoreHost.Account)) Track(mailbox);
            }

            switch (random.Next(20))
            {
                case < 5: await AppendAsync(); break;
                case < 8: await CopyAsync(move: false); break;
                case < 11: await CopyAsync(move: true); break;
                case < 15: await StoreAsync(); break;
                case < 17: await ExpungeAsync(); break;
                case 17: await MailboxesAsync(step); break;
                case 18: await WatchAsync(); break;
                default:
                    if (random.Next(3) == 0) await ReopenAsync();
                    break;
            }

            var now = await host.Store.Changes.CurrentAsync(StoreHost.Account);
            Assert.True(now >= _lastModSeq);
            _lastModSeq = now;
            foreach (var id in _open.Keys.ToList())
            {
                if (random.Next(2) == 0) Compare(id);
            }
        }

        public async Task FinishAsync()
        {
            await ReopenAsync();
            foreach (var mailbox in await host.Mailboxes.ListAsync(StoreHost.Account))
            {
                var expected = _model.Mailboxes[mailbox.Id.Value];
                var rows = expected.Rows.Values;
                Assert.Equal(_paths[mailbox.Id.Value], mailbox.Path);
                Assert.Equal(rows.Count, mailbox.Messages);
                Assert.Equal(rows.Count(r => !_model.Emails[r.Email].Flags.HasFlag(SystemFlags.Seen)), mailbox.Unseen);
                Assert.Equal(rows.Count(r => r.Deleted), mailbox.Deleted);
                Assert.Equal(rows.Sum(r => _model.Emails[r.Email].Size), mailbox.SizeBytes);
                Assert.Equal(expected.UidNext, mailbox.UidNext.Value);
                AssertEqual(mailbox.Id.Value, await host.SnapshotAsync(mailbox.Id), null);
                var gone = await host.Store.Changes.ExpungedAsync(StoreHost.Account, mailbox.Id, default);
                Assert.Equal(expected.Tombstones.Order(), gone!.Select(u => u.Value));
            }

            var quota = await host.Store.QuotaAsync(StoreHost.Account);
            Assert.Equal(_model.Emails.Count, quota!.Value.Messages);
            Assert.Equal(_model.Emails.Values.Sum(e => e.Size), quota.Value.SizeBytes);
            await AssertLogAsync();
            await host.AssertSoundAsync();
        }

        private void Track(Mailbox mailbox)
        {
            _model.Mailboxes[mailbox.Id.Value] = new StoreModel.ModelMailbox();
            _paths[mailbox.Id.Value] = mailbox.Path;
        }

        private async Task AppendAsync()
        {
            var mailbox = AnyMailbox;
            var emails = new List<NewEmail>();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                var email = await host.StageAsync("m" + random.Next(1000), new string('x', random.Next(50)), AnyFlags(), AnyKeywords());
                emails.Add(email);
            }

            var appended = (await host.Emails.AppendAsync(StoreHost.Account, new MailboxId(mailbox), emails)).Require();
            for (var i = 0; i < emails.Count; i++)
            {
                var uid = _model.Mailboxes[mailbox].UidNext;
                var id = _model.Append(mailbox, emails[i].Flags, emails[i].Keywords, emails[i].SizeBytes);
                Assert.Equal((id, uid), (appended.Emails[i].Value, appended.Uids[i].Value));
            }
        }

        private async Task CopyAsync(bool move)
        {
            var (from, to) = (AnyMailbox, AnyMailbox);
            var uids = AnyUids(from);
            var ids = uids.ConvertAll(u => new Uid(u));
            var done = move
                ? await host.Emails.MoveAsync(StoreHost.Account, new MailboxId(from), ids, new MailboxId(to))
                : await host.Emails.CopyAsync(StoreHost.Account, new MailboxId(from), ids, new MailboxId(to));
            var expected = _model.Copy(from, uids, to, move);
            Assert.Equal(expected, done.Require().Uids.Select(p => (p.From.Value, p.To.Value)));
        }

        private async Task StoreAsync()
        {
            var mailbox = AnyMailbox;
            var uids = AnyUids(mailbox);
            var operation = (FlagOperation)random.Next(3);
            var (flags, keywords) = (AnyFlags(), AnyKeywords());
            var stored = await host.Emails.StoreFlagsAsync(
                StoreHost.Account, new MailboxId(mailbox), uids.ConvertAll(u => new Uid(u)), operation, flags, keywords);
            Assert.Equal(
                uids.Distinct().Where(u => !_model.Mailboxes[mailbox].Rows.ContainsKey(u)).Order(), stored.Require().Missing.Select(u => u.Value));
            _model.Store(mailbox, uids, operation, flags, keywords);
        }

        private async Task ExpungeAsync()
        {
            var mailbox = AnyMailbox;
            var only = random.Next(2) == 0 ? null : AnyUids(mailbox);
            var gone = await host.Emails.ExpungeAsync(StoreHost.Account, new MailboxId(mailbox), only?.ConvertAll(u => new Uid(u)));
            Assert.Equal(_model.Expunge(mailbox, only), gone.Require().Select(u => u.Value));
        }

        private async Task MailboxesAsync(int step)
        {
            var mine = _paths.Where(p => p.Key > 6).Select(p => p.Key).Order().ToList();
            if (mine.Count < 3 || random.Next(3) == 0)
            {
                Track((await host.Mailboxes.CreateAsync(StoreHost.Account, "box" + step)).Require());
                return;
            }

            var id = mine[random.Next(mine.Count)];
            if (random.Next(2) == 0)
            {
                var renamed = (await host.Mailboxes.RenameAsync(StoreHost.Account, new MailboxId(id), "renamed" + step)).Require();
                _paths[id] = renamed.Path;
                return;
            }

            Assert.True((await host.Mailboxes.DeleteAsync(StoreHost.Account, new MailboxId(id))).Ok);
            if (_open.Remove(id, out var open))
            {
                Assert.True(open.View.IsGone);
                open.View.Dispose();
            }

            _model.Delete(id);
            _paths.Remove(id);
        }

        private async Task WatchAsync()
        {
            var id = AnyMailbox;
            if (_open.Remove(id, out var open))
            {
                open.View.Dispose();
                return;
            }

            var view = await host.Mailboxes.OpenAsync(StoreHost.Account, new MailboxId(id));
            _open[id] = (view!, view!.Current);
        }

        private async Task ReopenAsync()
        {
            foreach (var (view, _) in _open.Values) view.Dispose();
            _open.Clear();
            await host.ReopenAsync();
        }

        private void Compare(long id)
        {
            var (view, seen) = _open[id];
            var current = view.Current;
            AssertDiff(seen, current);
            AssertEqual(id, current, view.Keywords);
            _open[id] = (view, current);
        }

        private void AssertEqual(long id, MailboxSnapshot snapshot, KeywordSets? keywords)
        {
            var expected = _model.Mailboxes[id];
            Assert.Equal(expected.UidNext, snapshot.UidNext.Value);
            Assert.Equal(expected.Rows.Count, snapshot.Count);
            var index = 0;
            foreach (var (uid, row) in expected.Rows)
            {
                var actual = snapshot[index];
                var email = _model.Emails[row.Email];
                Assert.Equal((uid, row.Email, email.Size), (actual.Uid.Value, actual.Email.Value, actual.SizeBytes));
                Assert.Equal(email.Flags | (row.Deleted ? SystemFlags.Deleted : 0), actual.Flags.System);
                if (keywords is not null) Assert.Equal(email.Keywords, keywords.Names(actual.Flags.KeywordSet), StringComparer.OrdinalIgnoreCase);
                Assert.Equal(index, snapshot.IndexOf(actual.Uid));
                Assert.True(actual.ModSeq <= snapshot.HighestModSeq);
                index++;
            }

            var firstUnseen = expected.Rows.Values.ToList().FindIndex(r => !_model.Emails[r.Email].Flags.HasFlag(SystemFlags.Seen));
            Assert.Equal(firstUnseen, snapshot.FirstUnseen);
        }

        private static void AssertDiff(MailboxSnapshot seen, MailboxSnapshot current)
        {
            var diff = MailboxSnapshot.Diff(seen, current);
            var rows = new List<EmailRow>();
            for (var i = 0; i < seen.Count; i++)
            {
                if (!diff.Expunged.Contains(i)) rows.Add(seen[i]);
            }

            Assert.Equal(rows.Count, diff.FirstNew);
            foreach (var index in diff.Changed)
            {
                Assert.Equal(rows[index].Uid, current[index].Uid);
                Assert.True(current[index].ModSeq > seen.HighestModSeq);
                rows[index] = current[index];
            }

            for (var i = diff.FirstNew; i < current.Count; i++) rows.Add(current[i]);
            Assert.Equal(current.Count, rows.Count);
            for (var i = 0; i < rows.Count; i++)
            {
                Assert.Equal((rows[i].Uid, rows[i].Flags, rows[i].ModSeq), (current[i].Uid, current[i].Flags, current[i].ModSeq));
            }
        }

        private async Task AssertLogAsync()
        {
            var alive = new HashSet<long>();
            var since = default(ModSeq);
            ChangePage page;
            do
            {
                page = await host.Store.Changes.ReadAsync(StoreHost.Account, since, 7);
                Assert.True(page.IsWhole);
                foreach (var change in page.Changes)
                {
                    Assert.True(change.ModSeq > since);
                    foreach (var item in change.Emails)
                    {
                        if (change.Kind == ChangeKind.Arrived) Assert.True(alive.Add(item.Email.Value));
                        if (change.Kind == ChangeKind.Destroyed) Assert.True(alive.Remove(item.Email.Value));
                    }
                }

                since = page.UpTo;
            }
            while (page.HasMore);
            Assert.Equal(_model.Emails.Keys.Order(), alive.Order());
            Assert.Equal(_lastModSeq, since);
        }

        private List<uint> AnyUids(long mailbox)
        {
            var next = (int)_model.Mailboxes[mailbox].UidNext;
            var first = random.Next(1, next + 1);
            return random.Next(2) == 0
                ? [.. Enumerable.Range(first, random.Next(next - first + 2)).Select(u => (uint)u)]
                : [.. Enumerable.Range(0, random.Next(5)).Select(_ => (uint)random.Next(1, next + 1)).Distinct()];
        }

        private SystemFlags AnyFlags() => (SystemFlags)random.Next(32) & (SystemFlags)random.Next(32);

        private string[] AnyKeywords() => [.. Keywords.Where(_ => random.Next(4) == 0)];
    }
}
