using System.CommandLine;
using Posthorn.Admin;

namespace Posthorn.Server;

internal static class SuppressionCommands
{
    private const string Path = "suppressions";

    public static Command Create(RemoteOptions remote) => remote.Group(
        "suppression", "The addresses that nothing is sent to, since they bounced.", List(remote), Add(remote), Remove(remote));

    private static Command List(RemoteOptions remote) => remote.Command(
        "list",
        "Lists them.",
        async call => call.Print(
            await call.Api.ListAsync(Path, AdminJson.Default.SuppressionPage, call.Ct),
            AdminJson.Default.SuppressionView,
            entries => Text.WriteTable(
                call.Output,
                ["ADDRESS", "FOR", "SINCE", "UNTIL", "REASON"],
                entries.Select(e => new[]
                {
                    e.Address, e.Account ?? "everybody", Text.Of(e.CreatedAt), e.ExpiresAt is null ? "-" : Text.Of(e.ExpiresAt), e.Reason,
                }))));

    private static Command Add(RemoteOptions remote)
    {
        var (address, account) = (Address(), Account());
        var reason = new Option<string?>("--reason") { Description = "Why, for those who look it up.", HelpName = "TEXT" };
        var expires = new Option<long?>("--expires")
        {
            Description = "How long, as 90d; without an end when left out.",
            HelpName = "TIME",
            CustomParser = Text.ParseDuration,
        };
        return remote.Command(
            "add",
            "Sends nothing to an address any more.",
            async call => call.Print(
                await call.Api.SendAsync(
                    HttpMethod.Post, Path, new NewSuppressionBody(call.Get(address), call.Get(account), call.Get(reason), call.Get(expires)),
                    AdminJson.Default.NewSuppressionBody, AdminJson.Default.SuppressionView, call.Ct),
                AdminJson.Default.SuppressionView,
                entry => call.Say($"Nothing is sent to {entry.Address} by {entry.Account ?? "anybody"}.")),
            address, account, reason, expires);
    }

    private static Command Remove(RemoteOptions remote)
    {
        var (address, account) = (Address(), Account());
        return remote.Command(
            "remove",
            "Sends to an address again.",
            async call => call.Print(
                await call.Api.DoAsync(
                    HttpMethod.Delete,
                    $"{Path}/{ApiClient.Segment(call.Get(address))}{(call.Get(account) is { } whose ? "?account=" + ApiClient.Segment(whose) : "")}",
                    AdminJson.Default.SuppressionView,
                    call.Ct),
                AdminJson.Default.SuppressionView,
                entry => call.Say($"{entry.Address} is written to again.")),
            address, account);
    }

    private static Argument<string> Address() => new("ADDRESS") { Description = "As ann@example.org." };

    private static Option<string?> Account() => new("--account") { Description = "Whose mail; everybody's when left out.", HelpName = "ADDRESS" };
}
