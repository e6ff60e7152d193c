using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Posthorn.Crash;

/// <summary>
/// Rounds of sudden death under load. In each: 32 clients, at least 50 acknowledgements, then the server (or its database) dies at a random
/// moment, in a random sync, or half-way through a random write. After the restart everything that was acknowledged is there.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Accounts = 8;
    private const int AcknowledgementsMin = 50;
    private const int FullCheckEvery = 10;
    private static readonly TimeSpan RoundPatience = TimeSpan.FromSeconds(120);

    private static int Rounds => Chance.Long ? 200 : 20;

    [Fact]
    public async Task On_sqlite_nothing_acknowledged_is_lost_when_the_server_dies()
    {
        var ct = TestContext.Current.CancellationToken;
        Announce();
        await using var server = await Server.InstallAsync(Accounts, ct);
        await RunRoundsAsync(server, null, ct);
    }

    [Fact]
    public async Task On_postgresql_nothing_acknowledged_is_lost_when_the_server_or_the_database_dies()
    {
        var ct = TestContext.Current.CancellationToken;
        Announce();
        await using var postgres = await PostgresCluster.CreateAsync(ct);
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["POSTHORN_DATABASE_URL"] = postgres.Url };
        await using var server = await Server.InstallAsync(Accounts, ct, settings);
        await RunRoundsAsync(server, postgres, ct);
    }

    [Fact]
    public async Task An_installation_that_dies_in_any_of_its_writes_is_completed_by_the_next_attempt()
    {
        var ct = TestContext.Current.CancellationToken;
        Announce();
        var random = Chance.Make(-1);
        for (int round = 0; round < Rounds / 2; round++)
        {
            await using var server = new Server();
            int at = random.Next(1, 60);
            var early = round % 2 == 0 ? await SlowDisk.KillInWriteAsync(at, null) : await SlowDisk.KillInSyncAsync(at, null);
            var ending = await server.InitAsync(early);
            output.WriteLine($"round {round}: init, killed at {at}: {ending.Status}");
            (await server.InitAsync()).Require();
            int later = random.Next(1, 40);
            var preload = round % 2 == 0 ? await SlowDisk.KillInWriteAsync(later, null) : await SlowDisk.KillInSyncAsync(later, null);
            if (await server.TryStartAsync(preload, ct)) await server.KillAsync();
            await server.StartAsync(ct);
            (await server.RunAsync(["account", "add", Server.Account(0), "--password-stdin"], Server.Password + "\n")).Require();
            (await server.RunAsync(["verify"])).Require();
        }
    }

    private async Task RunRoundsAsync(Server server, PostgresCluster? postgres, CancellationToken ct)
    {
        var ledger = new Ledger(Accounts);
        var random = Chance.Make(postgres is null ? 1 : 2);
        int total = 0;
        for (int round = 0; round < Rounds; round++)
        {
            long began = Stopwatch.GetTimestamp();
            ledger.BeginRound();
            string death = postgres is not null && round % 2 == 1
                ? await DatabaseDiesAsync(server, postgres, ledger, round, random, ct)
                : await ServerDiesAsync(server, postgres, ledger, round, random, ct);
            total += ledger.Acknowledgements;
            await server.AwaitEmptyQueueAsync(ct);
            bool everyByte = round % FullCheckEvery == FullCheckEvery - 1 || round == Rounds - 1;
            var violations = await new Inspection(server, ledger).RunAsync(everyByte, ct);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"round {round}: {death}, {ledger.Acknowledgements} acknowledgements, {Stopwatch.GetElapsedTime(began).TotalSeconds:f1} s"));
            Assert.True(violations.Count == 0, Tell(violations, round, death));
            var verified = await server.RunAsync(["verify"]);
            Assert.True(verified.Status == 0, $"round {round} ({death}), seed {Chance.Seed}: verify: {verified.Errors}{verified.Output}");
        }
        output.WriteLine($"{Rounds} rounds, {total} acknowledgements");
    }

    private static async Task<string> ServerDiesAsync(
        Server server, PostgresCluster? postgres, Ledger ledger, int round, Random random, CancellationToken ct)
    {
        string flag = Path.Combine(server.Data, $"armed-{round}");
        bool aimed = random.Next(3) > 0;
        string death = "killed at a moment";
        if (aimed)
        {
            await server.KillAsync();
            (death, var preload) = await AimAsync(postgres, random, flag);
            await server.StartAsync(ct, preload);
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        stop.CancelAfter(RoundPatience);
        var load = new Load(server, ledger, round).RunAsync(persistent: false, stop.Token);
        await AwaitAcknowledgementsAsync(ledger, ct);
        if (!aimed)
        {
            await Task.Delay(random.Next(300), ct);
            await server.KillAsync();
        }
        else
        {
            await File.WriteAllTextAsync(flag, "", ct);
            await server.WaitForEndAsync(RoundPatience);
        }
        await load;
        await server.StartAsync(ct);
        return death;
    }

    // What is durable is written by the server itself, or by PostgreSQL at the far end of a socket.
    private static async Task<(string Death, Dictionary<string, string> Preload)> AimAsync(PostgresCluster? postgres, Random random, string flag)
    {
        if (postgres is not null)
        {
            int send = random.Next(1, 200);
            return ($"killed in send {send} to PostgreSQL", await SlowDisk.KillInSendAsync(send, postgres.Port, flag));
        }
        int number = random.Next(1, 400);
        if (random.Next(2) == 0) return ($"killed in write {number}", await SlowDisk.KillInWriteAsync(number, flag));
        number = 1 + (number / 10);
        return ($"killed in sync {number}", await SlowDisk.KillInSyncAsync(number, flag));
    }

    private static async Task<string> DatabaseDiesAsync(
        Server server, PostgresCluster postgres, Ledger ledger, int round, Random random, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        stop.CancelAfter(RoundPatience);
        var load = new Load(server, ledger, round);
        var clients = load.RunAsync(persistent: true, stop.Token);
        await AwaitAcknowledgementsAsync(ledger, ct);
        await Task.Delay(random.Next(300), ct);
        await postgres.KillAsync();
        await Task.Delay(random.Next(200), ct);
        await postgres.StartAsync(ct);
        // The server recovers by itself: it acknowledges again without being touched.
        int before = ledger.Acknowledgements;
        await AwaitAcknowledgementsAsync(ledger, ct, before + 10);
        load.Finish();
        await clients;
        return "PostgreSQL killed";
    }

    private static async Task AwaitAcknowledgementsAsync(Ledger ledger, CancellationToken ct, int count = AcknowledgementsMin)
    {
        long began = Stopwatch.GetTimestamp();
        while (ledger.Acknowledgements < count)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < RoundPatience, $"only {ledger.Acknowledgements} of {count} acknowledgements");
            await Task.Delay(2, ct);
        }
    }

    private static string Tell(IReadOnlyList<string> violations, int round, string death)
    {
        var text = new StringBuilder($"round {round} ({death}), seed {Chance.Seed}: {violations.Count} violations\n");
        foreach (string violation in violations.Take(20)) text.Append(violation).Append('\n');
        return text.ToString();
    }

    private void Announce() => output.WriteLine($"seed {Chance.Seed}, {Rounds} rounds; POSTHORN_SEED repeats it");
}
