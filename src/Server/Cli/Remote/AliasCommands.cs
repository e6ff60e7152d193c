using System.CommandLine;
using Posthorn.Admin;

namespace Posthorn.Server;

internal static class AliasCommands
{
    private const string Path = "aliases";

    public static Command Create(RemoteOptions remote) => remote.Group(
        "alias", "Names that stand for other addresses, here or elsewhere.", Add(remote), List(remote), Show(remote), Set(remote), Remove(remote));

    private static Command Add(RemoteOptions remote)
    {
        var (address, targets) = (Address(), Targets());
        return remote.Command(
            "add",
            "Adds an alias.",
            async call => call.Print(
                await call.Api.SendAsync(
                    HttpMethod.Post,
                    Path,
                    new NewAliasBody(call.Get(address), call.Get(targets)),
                    AdminJson.Default.NewAliasBody,
                    AdminJson.Default.AliasView,
                    call.Ct),
                AdminJson.Default.AliasView,
                added => call.Say($"{added.Address} leads to {string.Join(", ", added.Targets)}.")),
            address, targets);
    }

    private static Command List(RemoteOptions remote)
    {
        var domain = new Option<string?>("--domain") { Description = "Only those of this domain.", HelpName = "DOMAIN" };
        return remote.Command(
            "list",
            "Lists the aliases.",
            async call => call.Print(
                await call.Api.ListAsync(
                    call.Get(domain) is { } only ? $"{Path}?domain={ApiClient.Segment(only)}" : Path, AdminJson.Default.AliasPage, call.Ct),
                AdminJson.Default.AliasView,
                aliases => Text.WriteTable(
                    call.Output, ["ALIAS", "TARGETS"], aliases.Select(a => new[] { a.Address, string.Join(", ", a.Targets) }))),
            domain);
    }

    private static Command Show(RemoteOptions remote)
    {
        var address = Address();
        return remote.Command(
            "show",
            "Shows an alias.",
            async call => Tell(call, await call.Api.GetAsync(Of(call.Get(address)), AdminJson.Default.AliasView, call.Ct)),
            address);
    }

    private static Command Set(RemoteOptions remote)
    {
        var (address, targets) = (Address(), Targets());
        return remote.Command(
            "set",
            "Gives an alias other targets.",
            async call => Tell(call, await call.Api.SendAsync(
                HttpMethod.Put,
                Of(call.Get(address)),
                new AliasChangeBody(call.Get(targets)),
                AdminJson.Default.AliasChangeBody,
                AdminJson.Default.AliasView,
                call.Ct)),
            address, targets);
    }

    private static Command Remove(RemoteOptions remote)
    {
        var address = Address();
        return remote.Command(
            "remove",
            "Removes an alias.",
            async call => call.Print(
                await call.Api.DoAsync(HttpMethod.Delete, Of(call.Get(address)), AdminJson.Default.AliasView, call.Ct),
                AdminJson.Default.AliasView,
                removed => call.Say($"{removed.Address} removed.")),
            address);
    }

    private static int Tell(RemoteCall call, AliasView alias) => call.Print(alias, AdminJson.Default.AliasView, a => Text.WriteList(
        call.Output, ("Alias", a.Address), ("Targets", string.Join(", ", a.Targets)), ("Since", Text.Of(a.CreatedAt))));

    private static string Of(string address) => $"{Path}/{ApiClient.Segment(address)}";

    private static Argument<string> Address() => new("ADDRESS") { Description = "As info@example.org." };

    private static Argument<string[]> Targets() =>
        new("TARGET") { Description = "Where its mail goes; several may follow.", Arity = ArgumentArity.OneOrMore };
}
