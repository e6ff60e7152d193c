using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>The MTA-STS policies of our domains (RFC 8461 §3.3): at <c>mta-sts.</c> and the domain, over HTTPS only.</summary>
internal sealed class StsPage(AdminParts parts)
{
    public const string Path = "/.well-known/mta-sts.txt";

    private const string Label = "mta-sts.";

    public async Task ServeAsync(HttpContext context)
    {
        var host = context.Request.Host.Host;
        if (host.StartsWith(Label, StringComparison.OrdinalIgnoreCase) && Domain.TryParse(host.AsSpan(Label.Length), out var name)
            && await parts.Directory.Domains.FindAsync(name, context.RequestAborted) is { DisabledAt: null })
        {
            var policy = HostedSts.PolicyOf(await parts.Tls.Hosted.ModeOfAsync(name, context.RequestAborted), parts.Facts.Hostname);
            await Replies.WriteAsync(context, Encoding.ASCII.GetBytes(policy.ToString()), "text/plain; charset=utf-8");
            return;
        }
        await Replies.RefuseAsync(context, Replies.NotHere);
    }
}
