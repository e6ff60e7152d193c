using System.Net;
using System.Text.Json.Nodes;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Admin.Tests;

public sealed class VerifyTests
{
    [Fact]
    public async Task A_sound_server_has_no_findings()
    {
        await using var host = await TestHost.StartAsync();
        await host.AccountAsync("ann@example.test");
        var lines = await LinesAsync(host);
        var done = lines[^1];
        Assert.Equal("done", (string?)done["kind"]);
        Assert.Equal(1, (int)done["summary"]!["accounts"]!);
        Assert.Equal(1, (int)done["summary"]!["blobs"]!);
        Assert.Equal(0, (int)done["summary"]!["findings"]!);
        Assert.All(lines.SkipLast(1), line => Assert.Equal("progress", (string?)line["kind"]));
    }

    [Fact]
    public async Task What_is_wrong_in_rows_and_in_blobs_is_told()
    {
        await using var host = await TestHost.StartAsync(parts => parts with
        {
            VerifyBlobs = (_, _) => Task.FromResult(new BlobFindings(7, ["blob x is not what its name says"])),
        });
        var ann = await host.AccountAsync("ann@example.test");
        await host.Db.WriteAsync(tx => tx.Prepare("UPDATE account_state SET messages = 3 WHERE account = $1").Bind(ann.Id.Value).Execute());
        var lines = await LinesAsync(host);
        var findings = lines.Where(line => (string?)line["kind"] == "finding").Select(line => (string)line["text"]!).ToList();
        Assert.Contains(findings, text => text.Contains("the quota counts 3 messages, there are 0", StringComparison.Ordinal));
        Assert.Contains("blob x is not what its name says", findings);
        Assert.Equal(findings.Count, (int)lines[^1]["summary"]!["findings"]!);
    }

    [Fact]
    public async Task A_verification_that_fails_says_so_on_its_last_line_and_the_reason_in_the_log()
    {
        await using var host = await TestHost.StartAsync(parts => parts with
        {
            VerifyBlobs = (_, _) => throw new IOException("the disk is on fire"),
        });
        var lines = await LinesAsync(host);
        Assert.Equal("failed", (string?)lines[^1]["kind"]);
        Assert.DoesNotContain("fire", lines[^1].ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("the disk is on fire", host.Log.Text, StringComparison.Ordinal);
        Assert.Equal("failed", (string?)(await LinesAsync(host))[^1]["kind"]);
    }

    [Fact]
    public async Task Two_at_a_time_are_refused_and_a_peer_that_leaves_ends_its_own()
    {
        var (begun, ended) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var host = await TestHost.StartAsync(parts => parts with
        {
            VerifyBlobs = async (_, ct) =>
            {
                begun.SetResult();
                using var end = ct.Register(ended.SetResult);
                await Task.Delay(Timeout.Infinite, ct);
                return new BlobFindings(0, []);
            },
        });
        using var leave = new CancellationTokenSource();
        var first = host.OverSocket().Http.PostAsync(new Uri("/api/v1/verify", UriKind.Relative), null, leave.Token);
        await begun.Task;
        (await host.OverSocket().PostAsync("/api/v1/verify")).Is(HttpStatusCode.Conflict);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await ended.Task;
    }

    private static async Task<List<JsonNode>> LinesAsync(TestHost host)
    {
        var answer = (await host.OverSocket().PostAsync("/api/v1/verify")).Is(HttpStatusCode.OK);
        Assert.Equal("application/x-ndjson", answer.MediaType);
        return [.. answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
    }
}
