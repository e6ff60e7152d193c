using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Admin;

/// <summary>Reads everything back: counters against rows, rows against blobs, blobs against their hashes. One runs at a time.</summary>
/// <remarks>What it finds is told line by line (NDJSON), so that nobody waits in the dark; a peer that goes away ends it.</remarks>
internal sealed class VerifyRoutes(AdminParts parts, ILogger log, CancellationToken stopping)
{
    private int _running;

    public IEnumerable<Route> All =>
    [
        new Route("POST", "/verify", "verify", "Reads everything back and tells what is wrong.", null, AdminJson.Default.VerifyLine, RunAsync)
        {
            MediaType = Route.Lines,
        },
    ];

    private async Task RunAsync(Call call)
    {
        call.By.DemandEverything("verify the server's data");
        if (Interlocked.Exchange(ref _running, 1) == 1)
        {
            await Replies.RefuseAsync(call.Http, new Refusal(RefusalKind.Conflict, "a verification is under way"));
            return;
        }
        try
        {
            Log.VerificationBegun(log, call.By.Name);
            call.Http.Response.ContentType = Route.Lines;
            call.Http.Response.Headers.CacheControl = "no-store";
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(call.Ct, stopping);
            await TellAsync(call.Http, ending.Token);
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }

    private async Task TellAsync(HttpContext http, CancellationToken ct)
    {
        // A reader that is slower than the work misses progress, and nothing else.
        var progress = Channel.CreateBounded<VerifyLine>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        var work = VerifyAsync(progress.Writer, ct);
        try
        {
            await foreach (var line in progress.Reader.ReadAllAsync(ct)) await WriteAsync(http, line, ct);
        }
        finally
        {
            await ((Task)work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        VerifySummary summary;
        IReadOnlyList<string> findings;
        try
        {
            (summary, findings) = await work;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // The answer has begun, so its status cannot tell any more.
            Log.VerificationFailed(log, error);
            await WriteAsync(http, new VerifyLine(VerifyLineKind.Failed, Text: "the verification failed; the server's log says why"), ct);
            return;
        }
        Log.VerificationEnded(log, findings.Count);
        foreach (var finding in findings) await WriteAsync(http, new VerifyLine(VerifyLineKind.Finding, Text: finding), ct);
        await WriteAsync(http, new VerifyLine(VerifyLineKind.Done, Summary: summary), ct);
    }

    private async Task<(VerifySummary Summary, IReadOnlyList<string> Findings)> VerifyAsync(ChannelWriter<VerifyLine> progress, CancellationToken ct)
    {
        try
        {
            progress.TryWrite(new VerifyLine(VerifyLineKind.Progress, "mailboxes"));
            var mail = await parts.Store.VerifyAsync(ct);
            var blobs = await parts.VerifyBlobs(Throttled(progress), ct);
            var findings = mail.Findings.Concat(blobs.Findings).ToList();
            return (new VerifySummary(mail.Accounts, mail.Mailboxes, mail.Emails, blobs.Blobs, findings.Count), findings);
        }
        finally
        {
            progress.Complete();
        }
    }

    private Action<long, long> Throttled(ChannelWriter<VerifyLine> progress)
    {
        long? last = null;
        return (done, total) =>
        {
            if (last is { } before && done < total && parts.Time.GetElapsedTime(before) < AdminLimits.ProgressInterval) return;
            last = parts.Time.GetTimestamp();
            progress.TryWrite(new VerifyLine(VerifyLineKind.Progress, "blobs", done, total));
        };
    }

    private static async Task WriteAsync(HttpContext http, VerifyLine line, CancellationToken ct)
    {
        await http.Response.Body.WriteAsync((byte[])[.. JsonSerializer.SerializeToUtf8Bytes(line, AdminJson.Default.VerifyLine), (byte)'\n'], ct);
        await http.Response.Body.FlushAsync(ct);
    }
}
