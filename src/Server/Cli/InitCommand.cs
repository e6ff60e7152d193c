using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Posthorn.Core;

namespace Posthorn.Server;

/// <summary>posthorn init: makes a data directory with its config file, the first domain and the administrator.</summary>
internal static class InitCommand
{
    public static Command Make()
    {
        var data = LocalOptions.Data();
        var hostname = new Option<Domain>("--hostname")
        {
            Description = "The name of this machine, as in its MX record.",
            HelpName = "mail.example.org",
            Required = true,
            CustomParser = result => DomainOf(result, "a host name"),
        };
        var domain = new Option<Domain>("--domain")
        {
            Description = "The first domain to take mail for.",
            HelpName = "example.org",
            Required = true,
            CustomParser = result => DomainOf(result, "a domain"),
        };
        var admin = new Option<EmailAddress>("--admin")
        {
            Description = "The administrator's address, in that domain.",
            HelpName = "alice@example.org",
            Required = true,
            CustomParser = AddressOf,
        };
        var offset = new Option<int>("--port-offset") { Description = "Added to every port.", HelpName = "N" };
        var listen = new Option<IPAddress[]>("--listen")
        {
            Description = "The address to listen on; all addresses otherwise. May be repeated.",
            HelpName = "ADDR",
            CustomParser = Addresses,
        };
        var stdin = new Option<bool>("--password-stdin")
        {
            Description = "Reads the administrator's password from standard input; otherwise one is made and shown once.",
        };
        var command = new Command("init", "Sets a server up: its directory, config file, first domain and administrator. Safe to repeat.")
        {
            data, hostname, domain, admin, offset, listen, stdin,
        };
        command.SetAction(async (parsed, ct) =>
        {
            var wish = new Installation
            {
                Directory = ConfigFile.DataDirectory(parsed.GetValue(data)),
                Hostname = parsed.GetRequiredValue(hostname),
                Domain = parsed.GetRequiredValue(domain),
                Admin = parsed.GetRequiredValue(admin),
                PortOffset = parsed.GetValue(offset),
                Addresses = parsed.GetValue(listen) ?? [],
                Password = parsed.GetValue(stdin) ? Secrets.Read(fromStdin: true, "") : null,
            };
            if (wish.Admin.Domain != wish.Domain) throw new UsageException($"the administrator {wish.Admin} is not in the domain {wish.Domain}");
            if (wish.PortOffset is < 0 or > ConfigKeys.PortOffsetMax)
                throw new UsageException($"--port-offset is a number from 0 to {ConfigKeys.PortOffsetMax}");
            var outcome = await wish.CompleteAsync(TimeProvider.System, ct);
            await InitReport.WriteAsync(wish, outcome, parsed.InvocationConfiguration.Output);
            return ExitStatus.Done;
        });
        return command;
    }

    private static IPAddress[] Addresses(ArgumentResult result)
    {
        var addresses = new List<IPAddress>();
        foreach (var token in result.Tokens)
        {
            if (IPAddress.TryParse(token.Value, out var address)) addresses.Add(address);
            else result.AddError($"'{token.Value}' is not an IP address.");
        }
        return [.. addresses];
    }

    private static Domain? DomainOf(ArgumentResult result, string expected)
    {
        if (Domain.TryParse(result.Tokens[0].Value, out var domain)) return domain;
        result.AddError($"'{result.Tokens[0].Value}' is not {expected}.");
        return null;
    }

    private static EmailAddress? AddressOf(ArgumentResult result)
    {
        if (EmailAddress.TryParse(result.Tokens[0].Value, out var address)) return address;
        result.AddError($"'{result.Tokens[0].Value}' is not an e-mail address.");
        return null;
    }
}
