using System.CommandLine;
using Posthorn.Admin;

namespace Posthorn.Server;

internal static class AppPasswordCommands
{
    public static Command Create(RemoteOptions remote) =>
        remote.Group("app-password", "The passwords of an account's devices: one for each, revocable.", Add(remote), List(remote), Revoke(remote));

    private static Command Add(RemoteOptions remote)
    {
        var account = Account();
        var label = new Option<string>("--label") { Description = "What the device is called.", HelpName = "LABEL", Required = true };
        var scope = new Option<string[]>("--scope")
        {
            Description = "imap, pop3, smtp, sieve, caldav, carddav, eas, jmap; may be repeated. All without it.",
            HelpName = "SCOPE",
        };
        var expires = new Option<long?>("--expires")
        {
            Description = "How long it lives, as 90d.",
            HelpName = "TIME",
            CustomParser = Text.ParseDuration,
        };
        var networks = new Option<string[]>("--allow-ip") { Description = "Where it may be used; may be repeated.", HelpName = "CIDR" };
        return remote.Command(
            "add",
            "Makes an app password and prints it, this once.",
            async call =>
            {
                var scopes = call.Get(scope) is { Length: > 0 } named ? named.SelectMany(s => s.Split(',')).ToArray() : null;
                var body = new NewAppPasswordBody(call.Get(label)!, scopes, call.Get(expires), call.Get(networks));
                return call.Print(
                    await call.Api.SendAsync(
                        HttpMethod.Post, Of(call.Get(account)), body, AdminJson.Default.NewAppPasswordBody, AdminJson.Default.IssuedAppPasswordView,
                        call.Ct),
                    AdminJson.Default.IssuedAppPasswordView,
                    issued =>
                    {
                        call.Output.WriteLine(issued.Secret);
                        call.Error.WriteLine($"App password {issued.Id} ({Text.Printable(issued.Password.Label)}). It is shown this once.");
                    });
            },
            account, label, scope, expires, networks);
    }

    private static Command List(RemoteOptions remote)
    {
        var account = Account();
        return remote.Command(
            "list",
            "Lists the app passwords of an account.",
            async call => call.Print(
                await call.Api.WholeAsync(Of(call.Get(account)), AdminJson.Default.AppPasswordPage, call.Ct),
                AdminJson.Default.AppPasswordView,
                passwords => Text.WriteTable(
                    call.Output,
                    ["ID", "LABEL", "SCOPES", "NETWORKS", "EXPIRES", "LAST USED", "FROM", "USES", "STATE"],
                    passwords.Select(p => new[]
                    {
                        p.Id, Text.Printable(p.Label), p.Scopes.Count == AppScopesCount ? "all" : string.Join(',', p.Scopes),
                        p.AllowIp.Count == 0 ? "all" : string.Join(',', p.AllowIp), p.ExpiresAt is null ? "never" : Text.Of(p.ExpiresAt),
                        Text.Of(p.LastUsedAt), p.LastUsedAt is null ? "-" : $"{p.LastUsedFrom ?? "this machine"} ({p.LastUsedBy})", Text.Of(p.Uses),
                        p.RevokedAt is null ? "in use" : "revoked " + Text.Of(p.RevokedAt),
                    }))),
            account);
    }

    private static Command Revoke(RemoteOptions remote)
    {
        var account = Account();
        var label = new Option<string>("--label") { Description = "Its label or its id.", HelpName = "LABEL", Required = true };
        return remote.Command(
            "revoke",
            "Revokes an app password and ends the connections that it has opened.",
            async call => call.Print(
                await call.Api.SendAsync(
                    HttpMethod.Post, Of(call.Get(account)) + "/revoke", new RevokeAppPasswordBody(call.Get(label)!),
                    AdminJson.Default.RevokeAppPasswordBody, AdminJson.Default.AppPasswordView, call.Ct),
                AdminJson.Default.AppPasswordView,
                revoked => call.Say($"{Text.Printable(revoked.Label)} ({revoked.Id}) revoked.")),
            account, label);
    }

    private static int AppScopesCount => Directory.AppScopeNames.All.Count;

    private static string Of(string address) => $"accounts/{ApiClient.Segment(address)}/app-passwords";

    private static Argument<string> Account() => new("ACCOUNT") { Description = "As ann@example.org." };
}
