namespace Posthorn.Crash;

public sealed class PostgresClusterTests
{
    [Fact]
    public async Task A_cluster_that_was_killed_starts_again_on_the_same_port()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var cluster = await PostgresCluster.CreateAsync(ct);
        await cluster.KillAsync();
        await Assert.ThrowsAnyAsync<System.Net.Sockets.SocketException>(async () => (await LineConnection.OpenAsync(cluster.Port, ct)).Dispose());
        await cluster.StartAsync(ct);
        (await LineConnection.OpenAsync(cluster.Port, ct)).Dispose();
    }
}
