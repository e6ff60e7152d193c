using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Dns;
using Posthorn.Trust;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>Policies, overrides and results of TLS as they lie in either database.</summary>
public sealed class MailTlsTests
{
    private static readonly Domain Remote = Domain.Parse("remote.test");
    private static readonly StsPolicy Policy = new(StsMode.Enforce, ["mx.remote.test"], TimeSpan.FromDays(10));

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_policy_outlives_restarts_and_the_name_system_and_ends_with_its_time(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        await using var names = new Names("_mta-sts.remote.test. TXT \"v=STSv1; id=1\"\n");
        var server = new PolicyServer { Answer = new StsFetch(Policy, null, null) };
        Assert.Equal(Policy.Lines, (await Cache(host, names, server).FindAsync(Remote, default)).Policy!.Lines);
        Assert.Equal(Policy.Lines, (await Cache(host, names, server).FindAsync(Remote, default)).Policy!.Lines);
        Assert.Equal(1, server.Fetches);
        names.Write("other.test. TXT x\n");
        await host.CrashAsync();
        Assert.Equal(Policy.Lines, (await Cache(host, names, server).FindAsync(Remote, default)).Policy!.Lines);
        host.Clock.Advance(TimeSpan.FromDays(10));
        Assert.Null((await Cache(host, names, server).FindAsync(Remote, default)).Policy);
        Assert.Equal(1, server.Fetches);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Another_id_means_another_policy_and_a_failure_leaves_the_old_one(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        await using var names = new Names("_mta-sts.remote.test. TXT \"v=STSv1; id=1\"\n");
        var server = new PolicyServer { Answer = new StsFetch(Policy, null, null) };
        var cache = Cache(host, names, server);
        await cache.FindAsync(Remote, default);
        names.Write("_mta-sts.remote.test. TXT \"v=STSv1; id=22\"\n");
        server.Answer = new StsFetch(null, "sts-policy-fetch-error", "gone");
        var found = await cache.FindAsync(Remote, default);
        Assert.Equal((Policy.Lines[3], "gone"), (found.Policy!.Lines[3], found.Failure!.Reason));
        server.Answer = new StsFetch(Policy with { Mode = StsMode.None }, null, null);
        Assert.NotNull((await cache.FindAsync(Remote, default)).Policy); // the server is left alone for a while
        Assert.Equal(2, server.Fetches);
        host.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Null((await cache.FindAsync(Remote, default)).Policy);
        Assert.Equal(3, server.Fetches);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_policy_is_refreshed_well_before_it_expires_while_somebody_uses_it(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        await using var names = new Names("_mta-sts.remote.test. TXT \"v=STSv1; id=1\"\n");
        var server = new PolicyServer { Answer = new StsFetch(Policy, null, null) };
        var cache = Cache(host, names, server);
        await cache.FindAsync(Remote, default);
        host.Clock.Advance(TimeSpan.FromDays(4));
        await cache.RefreshAsync(default);
        Assert.Equal(1, server.Fetches);
        host.Clock.Advance(TimeSpan.FromDays(2));
        await cache.RefreshAsync(default);
        Assert.Equal(2, server.Fetches);
        host.Clock.Advance(TimeSpan.FromDays(8)); // past the first one's end
        Assert.NotNull((await cache.FindAsync(Remote, default)).Policy);
        host.Clock.Advance(TimeSpan.FromDays(100));
        await cache.RefreshAsync(default);
        Assert.Equal(0, await host.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM sts_policy").Scalar()!.Value));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Many_who_ask_at_once_make_one_fetch(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        await using var names = new Names("_mta-sts.remote.test. TXT \"v=STSv1; id=1\"\n");
        var server = new PolicyServer { Answer = new StsFetch(Policy, null, null), Gate = new TaskCompletionSource() };
        var cache = Cache(host, names, server);
        var asked = Enumerable.Range(0, 20).Select(_ => cache.FindAsync(Remote, default).AsTask()).ToArray();
        while (server.Fetches == 0) await Task.Yield();
        server.Gate.SetResult();
        foreach (var found in await Task.WhenAll(asked)) Assert.NotNull(found.Policy);
        Assert.Equal(1, server.Fetches);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Overrides_and_the_mode_of_our_own_policy_are_kept(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var overrides = new TlsOverrides(host.Db);
        Assert.Null(await overrides.FindAsync(Remote, default));
        await overrides.SetAsync(Remote, TlsRequirement.Verify, default);
        Assert.Equal(TlsRequirement.Verify, await overrides.FindAsync(Remote, default));
        Assert.Equal([new TlsOverride(Remote, TlsRequirement.Verify)], await overrides.ListAsync(default));
        await overrides.SetAsync(Remote, null, default);
        Assert.Null(await overrides.FindAsync(Remote, default));
        var hosted = new HostedSts(host.Db);
        Assert.Equal(StsMode.Testing, await hosted.ModeOfAsync(DeliveryHost.Example));
        await hosted.SetAsync(DeliveryHost.Example, StsMode.Enforce);
        await hosted.SetAsync(DeliveryHost.Example, StsMode.None);
        Assert.Equal(StsMode.None, await hosted.ModeOfAsync(DeliveryHost.Example));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Sessions_are_counted_by_day_and_forgotten(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var results = new TlsResults(host.Db, host.Clock, NullLogger.Instance);
        var session = new TlsSession(Remote, "sts", "version: STSv1", "mx.remote.test", "192.0.2.1", TlsSession.Success, null);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => results.RecordAsync(session, default).AsTask()));
        await results.RecordAsync(session with { Result = "certificate-expired", Reason = new string('x', 500) }, default);
        var day = DateOnly.FromDateTime(DeliveryHost.Start.UtcDateTime);
        var rows = await results.ReadAsync(day, null, 10);
        Assert.Equal([("certificate-expired", 1), ("success", 10)], rows.Select(static row => (row.Result, row.Sessions)).Order());
        Assert.Equal([Remote], await results.DomainsAsync(day, default));
        host.Clock.Advance(TimeSpan.FromDays(100));
        await results.PurgeAsync(default);
        Assert.Empty(await results.ReadAsync(day, null, 10));
    }

    private static StsCache Cache(DeliveryHost host, Names names, PolicyServer server) =>
        new(host.Db, names.Resolver, server.FetchAsync, host.Clock, NullLogger.Instance);

    private sealed class PolicyServer
    {
        private int _fetches;

        public StsFetch Answer { get; set; } = null!;

        public TaskCompletionSource? Gate { get; init; }

        public int Fetches => _fetches;

        public async Task<StsFetch> FetchAsync(Domain domain, CancellationToken ct)
        {
            Interlocked.Increment(ref _fetches);
            if (Gate is { } gate) await gate.Task;
            return Answer;
        }
    }

    /// <summary>A zone that changes.</summary>
    private sealed class Names : IAsyncDisposable
    {
        private readonly string _file = Path.GetTempFileName();

        public Names(string zone)
        {
            Write(zone);
            Resolver = Resolver.Open(new DnsSettings { ZoneFile = _file }, TimeProvider.System, NullLoggerFactory.Instance);
        }

        public Resolver Resolver { get; }

        public void Write(string zone) => File.WriteAllText(_file, zone);

        public async ValueTask DisposeAsync()
        {
            await Resolver.DisposeAsync();
            File.Delete(_file);
        }
    }
}
