using System.Globalization;

namespace Posthorn.Imap.Tests;

/// <summary>
/// Several clients on one mailbox, each with random commands, some of them pipelined, some behind IDLE, from a seed that a failure prints.
/// Each keeps a <see cref="MailboxModel"/>; at the end all must see the same mailbox, which must be the one that a new client sees, and
/// the one that clients who left in between make of what QRESYNC tells them.
/// </summary>
/// <remarks><c>POSTHORN_LONG=1</c> runs many seeds; <c>POSTHORN_SEED=n</c> repeats one.</remarks>
public sealed class StressTests
{
    private const int Clients = 20;

    private static readonly string[] Kinds = ["", "CONDSTORE", "QRESYNC", "IMAP4rev2", "UIDONLY"];

    public static TheoryData<int> Seeds
    {
        get
        {
            var seed = Environment.GetEnvironmentVariable("POSTHORN_SEED");
            if (!string.IsNullOrEmpty(seed)) return [int.Parse(seed, CultureInfo.InvariantCulture)];
            var runs = IsLong ? 100 : 2;
            var first = IsLong ? Environment.TickCount & 0xFFFFFF : 1;
            return [.. Enumerable.Range(first, runs)];
        }
    }

    private static bool IsLong => Environment.GetEnvironmentVariable("POSTHORN_LONG") == "1";

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Clients_on_one_mailbox_agree(int seed)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromMinutes(2));
        await using var server = await TestServer.StartAsync(timeout.Token);
        var random = new Random(seed);
        var clients = new List<StressClient>();
        for (var i = 0; i < Clients; i++)
            clients.Add(new StressClient(await server.ClientAsync(timeout.Token), i, random.Next(), Kinds[i % Kinds.Length]));
        await clients[0].OtherMailboxAsync(timeout.Token);
        var running = Task.WhenAll(clients.Select(client => client.RunAsync(IsLong ? 100 : 25, timeout.Token)));
        var absent = new List<AbsentClient>();
        while (!running.IsCompleted && absent.Count < 10)
            absent.Add(await AbsentClient.LeaveAsync(await server.ClientAsync(timeout.Token), timeout.Token));
        await running;

        var states = new List<string>();
        foreach (var client in clients) states.Add(await client.StateAsync(timeout.Token));
        var fresh = new StressClient(await server.ClientAsync(timeout.Token), Clients, 0);
        await fresh.SelectAsync(timeout.Token);
        var truth = await fresh.StateAsync(timeout.Token);
        for (var i = 0; i < states.Count; i++)
            Assert.True(states[i] == truth, $"seed {seed}: client {i} believes\n{states[i]}\nbut there is\n{truth}");
        foreach (var client in absent)
        {
            var back = await client.ComeBackAsync(await server.ClientAsync(timeout.Token), timeout.Token);
            Assert.True(back == truth, $"seed {seed}: who was away believes\n{back}\nbut there is\n{truth}");
        }
        Assert.Empty((await server.Store.VerifyAsync(timeout.Token)).Findings);
    }
}
