using System.CommandLine;
using Posthorn.Admin;

namespace Posthorn.Server;

internal static class TokenCommands
{
    private const string Path = "tokens";

    public static Command Create(RemoteOptions remote) =>
        remote.Group("token", "The tokens that open the API to programs.", Add(remote), List(remote), Revoke(remote));

    private static Command Add(RemoteOptions remote)
    {
        var scope = new Option<string[]>("--scope")
        {
            Description = "admin, metrics, scim or send; may be repeated.",
            HelpName = "SCOPE",
            Required = true,
        };
        var label = new Option<string>("--label") { Description = "What it is for.", DefaultValueFactory = _ => "" };
        var domain = new Option<string?>("--domain") { Description = "The one domain it reaches.", HelpName = "DOMAIN" };
        var expires = new Option<long?>("--expires")
        {
            Description = "How long it lives, as 90d.",
            HelpName = "TIME",
            CustomParser = Text.ParseDuration,
        };
        var networks = new Option<string[]>("--allow-ip") { Description = "Where it may be used; may be repeated.", HelpName = "CIDR" };
        return remote.Command(
            "add",
            "Issues a token and prints its secret, this once.",
            async call =>
            {
                var scopes = call.Get(scope)!.SelectMany(s => s.Split(',')).ToArray();
                var body = new NewTokenBody(scopes, call.Get(label)!, call.Get(domain), call.Get(expires), call.Get(networks));
                return call.Print(
                    await call.Api.SendAsync(
                        HttpMethod.Post, Path, body, AdminJson.Default.NewTokenBody, AdminJson.Default.IssuedTokenView, call.Ct),
                    AdminJson.Default.IssuedTokenView,
                    issued =>
                    {
                        call.Output.WriteLine(issued.Secret);
                        call.Error.WriteLine($"Token {issued.Id}. The secret is shown this once.");
                    });
            },
            scope, label, domain, expires, networks);
    }

    private static Command List(RemoteOptions remote) => remote.Command(
        "list",
        "Lists the tokens.",
        async call => call.Print(
            await call.Api.ListAsync(Path, AdminJson.Default.TokenPage, call.Ct),
            AdminJson.Default.TokenView,
            tokens => Text.WriteTable(
                call.Output,
                ["ID", "LABEL", "SCOPES", "DOMAIN", "NETWORKS", "EXPIRES", "LAST USED"],
                tokens.Select(t => new[]
                {
                    t.Id, t.Label, string.Join(',', t.Scopes), t.Domain ?? "all", t.AllowIp.Count == 0 ? "all" : string.Join(',', t.AllowIp),
                    t.ExpiresAt is null ? "never" : Text.Of(t.ExpiresAt), Text.Of(t.LastUsedAt),
                }))));

    private static Command Revoke(RemoteOptions remote)
    {
        var id = new Argument<string>("ID") { Description = "As token list shows it." };
        return remote.Command(
            "revoke",
            "Revokes a token.",
            async call => call.Print(
                await call.Api.DoAsync(HttpMethod.Delete, $"{Path}/{ApiClient.Segment(call.Get(id))}", AdminJson.Default.TokenView, call.Ct),
                AdminJson.Default.TokenView,
                revoked => call.Say($"{revoked.Id} revoked.")),
            id);
    }
}
