using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Posthorn.Admin;

/// <param name="Checks">Each check by its name.</param>
public sealed record ReadinessView(bool Ready, IReadOnlyDictionary<string, bool> Checks);

/// <summary><c>/readyz</c>: whether the server can do its work now. What is wrong with a check stands in the log, not in the answer.</summary>
internal sealed class Readiness(AdminParts parts, ILogger log)
{
    private readonly ReadinessCheck[] _checks = [new("database", ct => AnswersAsync(parts, ct)), .. parts.Checks];

    public async Task ServeAsync(HttpContext context)
    {
        var held = new Dictionary<string, bool>();
        using var timeout = new CancellationTokenSource(AdminLimits.ReadinessTimeout, parts.Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, timeout.Token);
        foreach (var check in _checks) held[check.Name] = await HoldsAsync(check, limit.Token);
        var view = new ReadinessView(held.Values.All(holds => holds), held);
        context.Response.StatusCode = view.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        await Replies.WriteAsync(context, JsonSerializer.SerializeToUtf8Bytes(view, AdminJson.Default.ReadinessView), Route.Json);
    }

    private async ValueTask<bool> HoldsAsync(ReadinessCheck check, CancellationToken ct)
    {
        try
        {
            return await check.HoldsAsync(ct).AsTask().WaitAsync(ct);
        }
        catch (Exception failure)
        {
            Log.CheckFailed(log, failure, check.Name);
            return false;
        }
    }

    private static async ValueTask<bool> AnswersAsync(AdminParts parts, CancellationToken ct)
    {
        await parts.Directory.Domains.FindAsync(parts.Facts.Hostname, ct);
        return true;
    }
}
