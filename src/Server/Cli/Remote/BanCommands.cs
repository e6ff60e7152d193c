using System.CommandLine;
using Posthorn.Admin;

namespace Posthorn.Server;

internal static class BanCommands
{
    private const string Path = "bans";

    public static Command Create(RemoteOptions remote) =>
        remote.Group("ban", "The networks whose connections are not served.", List(remote), Add(remote), Remove(remote));

    private static Command List(RemoteOptions remote) => remote.Command(
        "list",
        "Lists the networks that are banned.",
        async call => call.Print(
            await call.Api.ListAsync(Path, AdminJson.Default.BanPage, call.Ct),
            AdminJson.Default.BanView,
            bans => Text.WriteTable(
                call.Output,
                ["NETWORK", "SINCE", "UNTIL", "REASON"],
                bans.Select(b => new[] { b.Network, Text.Of(b.CreatedAt), b.ExpiresAt is null ? "removed" : Text.Of(b.ExpiresAt), b.Reason }))));

    private static Command Add(RemoteOptions remote)
    {
        var network = Network();
        var reason = new Option<string>("--reason") { Description = "Why, for people.", DefaultValueFactory = _ => "" };
        var expires = new Option<long?>("--expires")
        {
            Description = "How long, as 1d; without it for ever.",
            HelpName = "TIME",
            CustomParser = Text.ParseDuration,
        };
        return remote.Command(
            "add",
            "Bans a network from every mail port.",
            async call => call.Print(
                await call.Api.SendAsync(
                    HttpMethod.Post, Path, new NewBanBody(call.Get(network), call.Get(reason)!, call.Get(expires)),
                    AdminJson.Default.NewBanBody, AdminJson.Default.BanView, call.Ct),
                AdminJson.Default.BanView,
                ban => call.Say($"{ban.Network} is banned.")),
            network, reason, expires);
    }

    private static Command Remove(RemoteOptions remote)
    {
        var network = Network();
        return remote.Command(
            "remove",
            "Takes a ban back.",
            async call => call.Print(
                await call.Api.DoAsync(HttpMethod.Delete, $"{Path}/{ApiClient.Segment(call.Get(network))}", AdminJson.Default.BanView, call.Ct),
                AdminJson.Default.BanView,
                ban => call.Say($"{ban.Network} is served again.")),
            network);
    }

    private static Argument<string> Network() => new("NETWORK") { Description = "As 192.0.2.7 or 2001:db8::/48." };
}
