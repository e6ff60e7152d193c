using System.CommandLine;
using System.Globalization;
using Posthorn.Admin;
using Posthorn.Trust;

namespace Posthorn.Server;

internal static class TlsCommands
{
    private const string Path = "tls-overrides";
    private static readonly string[] Words = ["none", "may", "encrypt", "verify", "dane-only"];

    public static Command Create(RemoteOptions remote) => remote.Group(
        "tls",
        "TLS with other mail servers.",
        Set(remote), List(remote), Remove(remote), Results(remote), Sts(remote));

    private static Command Set(RemoteOptions remote)
    {
        var domain = Domain();
        var requirement = new Argument<string>("REQUIREMENT")
        {
            Description = "none: no TLS; may: where it is offered; encrypt: with any certificate; verify: with a trusted one; dane-only.",
        };
        requirement.AcceptOnlyFromAmong(Words);
        return remote.Command(
            "set",
            "Decides what TLS with a domain's servers must be like, whatever the domain says.",
            async call => call.Print(
                await call.Api.SendAsync(
                    HttpMethod.Put, Of(call.Get(domain)), new TlsOverrideBody((TlsRequirement)Array.IndexOf(Words, call.Get(requirement))),
                    AdminJson.Default.TlsOverrideBody, AdminJson.Default.TlsOverrideView, call.Ct),
                AdminJson.Default.TlsOverrideView,
                set => call.Say($"TLS with the servers of {set.Domain}: {Words[(int)set.Requirement]}.")),
            domain, requirement);
    }

    private static Command List(RemoteOptions remote) => remote.Command(
        "list",
        "Lists the domains whose TLS is decided here.",
        async call => call.Print(
            await call.Api.ListAsync(Path, AdminJson.Default.TlsOverridePage, call.Ct),
            AdminJson.Default.TlsOverrideView,
            overrides => Text.WriteTable(call.Output, ["DOMAIN", "TLS"], overrides.Select(o => new[] { o.Domain, Words[(int)o.Requirement] }))));

    private static Command Remove(RemoteOptions remote)
    {
        var domain = Domain();
        return remote.Command(
            "remove",
            "Leaves TLS with a domain's servers to the domain's own policy.",
            async call => call.Print(
                await call.Api.DoAsync(HttpMethod.Delete, Of(call.Get(domain)), AdminJson.Default.TlsOverrideView, call.Ct),
                AdminJson.Default.TlsOverrideView,
                removed => call.Say($"TLS with the servers of {removed.Domain} is as its policy says.")),
            domain);
    }

    private static Command Results(RemoteOptions remote)
    {
        var domain = new Option<string?>("--domain") { Description = "Only with servers of this domain.", HelpName = "DOMAIN" };
        var day = new Option<string?>("--day") { Description = "As 2026-11-01, in UTC; else today.", HelpName = "DAY" };
        return remote.Command(
            "results",
            "Says how TLS with other servers went on a day.",
            async call =>
            {
                string?[] query =
                [
                    "limit=1000", call.Get(domain) is { } only ? "domain=" + ApiClient.Segment(only) : null,
                    call.Get(day) is { } one ? "day=" + ApiClient.Segment(one) : null,
                ];
                var page = await call.Api.GetAsync(
                    "tls-results?" + string.Join('&', query.OfType<string>()), AdminJson.Default.TlsResultPage, call.Ct);
                return call.Print(
                    page.Items,
                    AdminJson.Default.TlsResultRow,
                    rows => Text.WriteTable(
                        call.Output,
                        ["DOMAIN", "POLICY", "RESULT", "SESSIONS", "SERVER", "REASON"],
                        rows.Select(r => new[] { r.Domain, r.PolicyType, r.Result, Text.Of(r.Sessions), r.Mx, r.Reason }),
                        3));
            },
            domain, day);
    }

    private static Command Sts(RemoteOptions remote)
    {
        var domain = Domain();
        var mode = new Option<string?>("--mode") { Description = "none, testing or enforce.", HelpName = "MODE" };
        mode.AcceptOnlyFromAmong("none", "testing", "enforce");
        return remote.Command(
            "mta-sts",
            "Shows or sets the MTA-STS policy that is served for a domain here.",
            async call =>
            {
                var path = string.Create(CultureInfo.InvariantCulture, $"domains/{ApiClient.Segment(call.Get(domain))}/mta-sts");
                var view = call.Get(mode) is { } word
                    ? await call.Api.SendAsync(
                        HttpMethod.Put, path, new StsBody(Enum.Parse<StsMode>(word, ignoreCase: true)), AdminJson.Default.StsBody,
                        AdminJson.Default.StsView, call.Ct)
                    : await call.Api.GetAsync(path, AdminJson.Default.StsView, call.Ct);
                return call.Print(view, AdminJson.Default.StsView, sts =>
                {
                    Text.WriteList(call.Output, ("Domain", sts.Domain), ("Mode", sts.Mode.ToString().ToLowerInvariant()), ("Record", sts.Record));
                    call.Output.WriteLine();
                    call.Output.Write(sts.Policy.ReplaceLineEndings());
                });
            },
            domain, mode);
    }

    private static string Of(string domain) => $"{Path}/{ApiClient.Segment(domain)}";

    private static Argument<string> Domain() => new("DOMAIN") { Description = "As example.org." };
}
