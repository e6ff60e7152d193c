using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

public sealed class SearchTests
{
    private static async Task<StoreHost> FilledAsync(DatabaseKind kind)
    {
        var host = await StoreHost.OpenAsync(kind);
        await host.AddAccountAsync(new AccountId(8));
        await host.DeliverAsync(await host.StageAsync("Invoice", "The quick brown fox jumps.\r\n"));
        await host.DeliverAsync(await host.StageAsync("Rechnung", "Straßenbahn über Nürnberg ΑΒΓδ.\r\n"));
        await host.DeliverAsync(await host.StageAsync("会议", "明天东京都的会议改期。\r\n"));
        await host.DeliverAsync(await host.StageAsync("Invoice", "The quick brown fox jumps.\r\n"), account: new AccountId(8));
        return host;
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Any_substring_proposes_the_messages_that_have_it(DatabaseKind kind)
    {
        await using var host = await FilledAsync(kind);
        await host.Store.Search.IndexAsync(StoreHost.Account);
        async Task<long[]> Find(params string[] words)
        {
            var candidates = await host.Store.Search.CandidatesAsync(StoreHost.Account, words);
            Assert.True(candidates.Narrows);
            return [.. new long[] { 1, 2, 3 }.Where(i => candidates.Contains(new EmailId(i)))];
        }

        Assert.Equal((long[])[1], await Find("uick bro"));
        Assert.Equal((long[])[1], await Find("INVOI", "JUMP"));
        Assert.Equal((long[])[2], await Find("ürnber"));
        Assert.Equal((long[])[2], await Find("αβγΔ"));
        Assert.Equal((long[])[3], await Find("京都"));
        Assert.Equal((long[])[3], await Find("期"));
        Assert.Equal((long[])[1, 2, 3], await Find("example.test"));
        Assert.Equal((long[])[], await Find("quick", "京都"));
        Assert.Equal((long[])[], await Find("nowhere"));
        Assert.False((await host.Store.Search.CandidatesAsync(StoreHost.Account, ["ox"])).Narrows);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_is_not_indexed_yet_is_a_candidate_and_what_is_expunged_is_none(DatabaseKind kind)
    {
        await using var host = await FilledAsync(kind);
        await host.Store.Search.IndexAsync(StoreHost.Account);
        var late = await host.DeliverAsync("later");
        var candidates = await host.Store.Search.CandidatesAsync(StoreHost.Account, ["nowhere"]);
        Assert.True(candidates.Contains(late.Email));
        Assert.False(candidates.Contains(new EmailId(1)));
        await host.ReopenAsync();
        await host.Store.Search.IndexAsync(StoreHost.Account);
        Assert.False((await host.Store.Search.CandidatesAsync(StoreHost.Account, ["nowhere"])).Contains(late.Email));
        await host.Emails.RemoveAsync(StoreHost.Account, Mailbox.Inbox, [new Uid(1)]);
        await host.Store.Search.IndexAsync(StoreHost.Account);
        Assert.False((await host.Store.Search.CandidatesAsync(StoreHost.Account, ["quick"])).Contains(new EmailId(1)));
        await host.Store.Search.IndexAsync(new AccountId(8));
        Assert.True((await host.Store.Search.CandidatesAsync(new AccountId(8), ["quick"])).Contains(new EmailId(1)));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_message_that_is_longer_than_what_is_indexed_is_always_a_candidate(DatabaseKind kind)
    {
        await using var host = await StoreHost.OpenAsync(kind);
        var body = string.Concat(Enumerable.Range(0, 300_000).Select(i => (i % 977).ToString("x", null) + (i % 40 == 0 ? "\r\n" : " ")));
        var delivered = await host.DeliverAsync(await host.StageAsync("long", body + "needle\r\n"));
        await host.Store.Search.IndexAsync(StoreHost.Account);
        Assert.True((await host.Store.Search.CandidatesAsync(StoreHost.Account, ["needle"])).Contains(delivered.Email));
    }

    [Fact]
    public async Task An_index_of_another_history_is_built_again()
    {
        await using var host = await FilledAsync(DatabaseKind.Sqlite);
        await host.Store.Search.IndexAsync(StoreHost.Account);
        await host.SearchDb!.WriteAsync(tx => tx.Prepare("UPDATE search_position SET modseq = 1000").Execute());
        await host.DeliverAsync("after the restore");
        await host.Store.Search.IndexAsync(StoreHost.Account);
        var candidates = await host.Store.Search.CandidatesAsync(StoreHost.Account, ["restore"]);
        Assert.Equal([4L], new long[] { 1, 2, 3, 4 }.Where(i => candidates.Contains(new EmailId(i))));
    }
}
