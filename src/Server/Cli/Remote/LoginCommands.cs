using System.CommandLine;
using System.Text.Json;
using Posthorn.Admin;

namespace Posthorn.Server;

/// <summary>The commands of <c>account</c> that are about logging in.</summary>
internal static class LoginCommands
{
    private const string Path = "accounts";

    public static IEnumerable<Command> Create(RemoteOptions remote) =>
        [Sessions(remote), History(remote), ResetFactors(remote), Link(remote)];

    private static Command Sessions(RemoteOptions remote)
    {
        var address = Address();
        var end = new Option<bool>("--end-all") { Description = "Log the account out of every browser." };
        return remote.Command(
            "sessions",
            "Lists the browsers in which an account is logged in, or ends them all.",
            async call => call.Get(end)
                ? call.Print(
                    await call.Api.DoAsync(HttpMethod.Delete, Of(call.Get(address), "sessions"), AdminJson.Default.SessionsEnded, call.Ct),
                    AdminJson.Default.SessionsEnded,
                    ended => call.Say($"{Text.Of(ended.Ended)} sessions ended."))
                : call.Print(
                    await call.Api.WholeAsync(Of(call.Get(address), "sessions"), AdminJson.Default.SessionPage, call.Ct),
                    AdminJson.Default.SessionView,
                    sessions => Text.WriteTable(
                        call.Output,
                        ["ID", "SINCE", "LAST USED", "FROM", "BY", "BROWSER"],
                        sessions.Select(s => new[]
                        {
                            s.Id, Text.Of(s.CreatedAt), Text.Of(s.LastUsedAt), s.Remote ?? "this machine", string.Join(',', s.Methods),
                            Printable(s.Agent),
                        }))),
            address, end);
    }

    private static Command History(RemoteOptions remote)
    {
        var address = Address();
        return remote.Command(
            "history",
            "Lists attempts to log in to an account, the latest first.",
            async call => call.Print(
                await call.Api.WholeAsync(Of(call.Get(address), "logins"), AdminJson.Default.LoginPage, call.Ct),
                AdminJson.Default.LoginView,
                logins => Text.WriteTable(
                    call.Output,
                    ["LAST", "TIMES", "PROTOCOL", "FROM", "OUTCOME", "CREDENTIAL"],
                    logins.Select(l => new[]
                    {
                        Text.Of(l.LastAt), Text.Of(l.Count), l.Protocol, l.Remote ?? "this machine",
                        JsonNamingPolicy.KebabCaseLower.ConvertName(l.Outcome.ToString()), Printable(l.Credential),
                    }),
                    1)),
            address);
    }

    private static Command ResetFactors(RemoteOptions remote)
    {
        var address = Address();
        return remote.Command(
            "reset-mfa",
            "Removes every second factor of an account that has lost them, and logs it out.",
            async call => call.Print(
                await call.Api.DoAsync(HttpMethod.Delete, Of(call.Get(address), "factors"), AdminJson.Default.FactorView, call.Ct),
                AdminJson.Default.FactorView,
                reset => call.Say($"{reset.Address} logs in with the password alone now.")),
            address);
    }

    private static Command Link(RemoteOptions remote)
    {
        var address = Address();
        var expires = new Option<long?>("--expires")
        {
            Description = "How long it lives, as 12h; 3d without it.",
            HelpName = "TIME",
            CustomParser = Text.ParseDuration,
        };
        return remote.Command(
            "link",
            "Makes a link with which the account's owner chooses a password, once.",
            async call => call.Print(
                await call.Api.SendAsync(
                    HttpMethod.Post, Of(call.Get(address), "password-link"), new NewPasswordLinkBody(call.Get(expires)),
                    AdminJson.Default.NewPasswordLinkBody, AdminJson.Default.PasswordLinkView, call.Ct),
                AdminJson.Default.PasswordLinkView,
                link =>
                {
                    call.Output.WriteLine(link.Url);
                    call.Error.WriteLine($"It works once, until {Text.Of(link.ExpiresAt)}.");
                }),
            address, expires);
    }

    private static string Of(string address, string what) => $"{Path}/{ApiClient.Segment(address)}/{what}";

    // What a browser or a person wrote must not move the cursor.
    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));

    private static Argument<string> Address() => new("ADDRESS") { Description = "As ann@example.org." };
}
