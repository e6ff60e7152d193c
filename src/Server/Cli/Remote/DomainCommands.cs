using System.CommandLine;
using System.Text.Json;
using Posthorn.Admin;
using Posthorn.Directory;

namespace Posthorn.Server;

internal static class DomainCommands
{
    private const string Path = "domains";

    public static Command Create(RemoteOptions remote) => remote.Group(
        "domain", "The domains whose mail the server takes in.", Add(remote), List(remote), Show(remote), Set(remote), Remove(remote), Dns(remote),
        KeyCommands.Create(remote));

    private static Command Add(RemoteOptions remote)
    {
        var name = Name();
        return remote.Command(
            "add",
            "Takes in a domain.",
            async call => call.Print(
                await call.Api.SendAsync(
                    HttpMethod.Post, Path, new NewDomainBody(call.Get(name)), AdminJson.Default.NewDomainBody, AdminJson.Default.DomainView, call.Ct),
                AdminJson.Default.DomainView,
                added => call.Say($"{added.DisplayName} added. Its DNS records: posthorn domain dns {added.Name}")),
            name);
    }

    private static Command List(RemoteOptions remote) => remote.Command(
        "list",
        "Lists the domains.",
        async call => call.Print(
            await call.Api.ListAsync(Path, AdminJson.Default.DomainPage, call.Ct),
            AdminJson.Default.DomainView,
            domains => Text.WriteTable(
                call.Output,
                ["DOMAIN", "STATE", "CATCH-ALL", "SINCE"],
                domains.Select(d => new[] { d.DisplayName, State(d), d.CatchAll ?? "-", Text.Of(d.CreatedAt) }))));

    private static Command Show(RemoteOptions remote)
    {
        var name = Name();
        return remote.Command(
            "show",
            "Shows a domain.",
            async call => Tell(call, await call.Api.GetAsync(Of(call.Get(name)), AdminJson.Default.DomainView, call.Ct)),
            name);
    }

    private static Command Set(RemoteOptions remote)
    {
        var name = Name();
        var plus = new Option<bool?>("--plus-addressing") { Description = "Whether ann+anything@ reaches ann@.", HelpName = "true|false" };
        var catchAll = new Option<string?>("--catch-all") { Description = "Where mail for undefined names goes, or none.", HelpName = "ADDRESS" };
        var administrator = new Option<string?>("--administrator")
        {
            Description = "Who reads postmaster@ and abuse@, or none.",
            HelpName = "ADDRESS",
        };
        var disabled = new Option<bool?>("--disabled") { Description = "Whether the domain takes no mail.", HelpName = "true|false" };
        var dmarc = new Option<DmarcHandling?>("--dmarc")
        {
            Description = "What becomes of mail that fails DMARC: as its author's domain asks, into Junk at most, or delivered.",
            HelpName = "honour|quarantine|ignore",
        };
        var mfa = new Option<bool?>("--mfa") { Description = "Whether its people must have a second factor in a browser." };
        var scram = new Option<bool?>("--scram")
        {
            Description = "Whether its accounts may log in by SCRAM; each from its next password, or its next log-in by PLAIN, on.",
            HelpName = "true|false",
        };
        var login = new Option<string?>("--login")
        {
            Description = "What mail programs may log in with: also the account's password, app passwords (and tokens), or tokens only.",
            HelpName = "password|app-password|oauth",
        };
        login.AcceptOnlyFromAmong("password", "app-password", "oauth");
        return remote.Command(
            "set",
            "Changes a domain; what is not named stays as it is.",
            async call => Tell(call, await call.Api.SendAsync(
                HttpMethod.Patch,
                Of(call.Get(name)),
                new DomainChangeBody(
                    call.Get(plus), OrNone(call.Get(catchAll)), OrNone(call.Get(administrator)), call.Get(disabled), call.Get(dmarc),
                    call.Get(scram), PolicyOf(call.Get(login)), call.Get(mfa)),
                AdminJson.Default.DomainChangeBody,
                AdminJson.Default.DomainView,
                call.Ct)),
            name, plus, catchAll, administrator, disabled, dmarc, scram, login, mfa);
    }

    private static Command Remove(RemoteOptions remote)
    {
        var name = Name();
        return remote.Command(
            "remove",
            "Removes a domain that has no accounts and aliases any more.",
            async call => call.Print(
                await call.Api.DoAsync(HttpMethod.Delete, Of(call.Get(name)), AdminJson.Default.DomainView, call.Ct),
                AdminJson.Default.DomainView,
                removed => call.Say($"{removed.DisplayName} removed.")),
            name);
    }

    private static Command Dns(RemoteOptions remote)
    {
        var name = Name();
        var format = new Option<string?>("--format") { Description = "table (with what is published), zone or json.", HelpName = "FORMAT" };
        format.AcceptOnlyFromAmong("table", "zone", "json");
        return remote.Command(
            "dns",
            "Prints the DNS records to publish, beside those that are published.",
            async call =>
            {
                var report = await call.Api.GetAsync(Of(call.Get(name)) + "/dns", AdminJson.Default.DnsReport, call.Ct);
                switch (call.Get(format) ?? (call.Json ? "json" : "table"))
                {
                    case "zone":
                        WriteZone(call.Output, report);
                        break;
                    case "json":
                        call.PrintJson(writer => JsonSerializer.Serialize(writer, report, AdminJson.Default.DnsReport));
                        break;
                    default:
                        WriteTable(call.Output, report);
                        break;
                }
                return ExitStatus.Done;
            },
            name, format);
    }

    private static void WriteZone(TextWriter output, DnsReport report)
    {
        foreach (var record in report.Records)
        {
            if (record.Type == "PTR") continue; // it lies in the zone of whoever rents the address out
            output.WriteLine(record.Value is null
                ? $"; {record.Name}. needs A and AAAA records with the addresses of the server"
                : DnsRecords.ToZoneLine(record.Name, record.Type, record.Value));
        }
    }

    private static void WriteTable(TextWriter output, DnsReport report)
    {
        Text.WriteTable(
            output,
            ["STATE", "NAME", "TYPE", "VALUE"],
            report.Records.Select(r => new[]
            {
                r.State.ToString().ToLowerInvariant(), r.Name, r.Type,
                r.Value ?? (r.Found.Count > 0 ? string.Join(' ', r.Found) : "the server's address"),
            }));
        foreach (var record in report.Records.Where(r => r.State == DnsRecordState.Different))
        {
            output.WriteLine(Text.Printable($"{record.Name} {record.Type} is published as {string.Join(", ", record.Found)}"));
        }
    }

    private static int Tell(RemoteCall call, DomainView domain) => call.Print(domain, AdminJson.Default.DomainView, d => Text.WriteList(
        call.Output,
        ("Domain", d.DisplayName),
        ("A-labels", d.DisplayName == d.Name ? null : d.Name),
        ("State", State(d)),
        ("Plus addressing", d.PlusAddressing ? "yes" : "no"),
        ("Catch-all", d.CatchAll ?? "none"),
        ("DMARC", d.Dmarc.ToString().ToLowerInvariant()),
        ("Administrator", d.Administrator ?? "the server's first"),
        ("SCRAM", d.Scram ? "yes" : "no"),
        ("Mail programs", d.Login switch
        {
            LoginPolicy.AppPassword => "log in with app passwords and tokens",
            LoginPolicy.OAuth => "log in with tokens only",
            _ => "log in with the account's password, app passwords and tokens",
        }),
        ("Second factor", d.Mfa ? "demanded" : "as each likes"),
        ("Since", Text.Of(d.CreatedAt))));

    private static LoginPolicy? PolicyOf(string? word) => word switch
    {
        "password" => LoginPolicy.Password,
        "app-password" => LoginPolicy.AppPassword,
        "oauth" => LoginPolicy.OAuth,
        _ => null,
    };

    private static string State(DomainView domain) => domain.DisabledAt is null ? "active" : "disabled";

    private static string? OrNone(string? value) => value == "none" ? "" : value;

    private static string Of(string name) => $"{Path}/{ApiClient.Segment(name)}";

    private static Argument<string> Name() => new("DOMAIN") { Description = "As example.org." };
}
