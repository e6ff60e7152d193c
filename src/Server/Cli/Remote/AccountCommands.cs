using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Admin;
using Posthorn.Directory;

namespace Posthorn.Server;

internal static class AccountCommands
{
    private const string Path = "accounts";
    private const int GeneratedCharacters = 20;

    public static Command Create(RemoteOptions remote) => remote.Group(
        "account",
        "The accounts of people, services, groups and resources.",
        [
            Add(remote),
            List(remote),
            Show(remote),
            Set(remote),
            Password(remote),
            .. LoginCommands.Create(remote),
            Act(remote, "disable", "Ends log-ins and refuses mail; everything stays.", HttpMethod.Post, "/disable", "disabled."),
            Act(remote, "enable", "Takes a disabling back.", HttpMethod.Post, "/enable", "enabled."),
            Act(remote, "remove", "Removes an account; its data is kept for 30 days.", HttpMethod.Delete, "", "removed."),
            Act(remote, "restore", "Takes a removal back.", HttpMethod.Post, "/restore", "restored."),
        ]);

    private static Command Add(RemoteOptions remote)
    {
        var address = Address();
        var fromStdin = PasswordStdin();
        var without = new Option<bool>("--no-password") { Description = "Nobody logs in until a password is set." };
        var name = new Option<string>("--name") { Description = "The name for people.", DefaultValueFactory = _ => "" };
        var quota = Quota();
        var role = Role();
        var kind = Kind();
        var aliases = new Option<string[]>("--alias") { Description = "A further address of the account; may be repeated.", HelpName = "ADDRESS" };
        return remote.Command(
            "add",
            "Opens an account with its mailboxes.",
            async call =>
            {
                var body = new NewAccountBody(
                    call.Get(address),
                    call.Get(without) ? null : Encoding.UTF8.GetString(Secrets.Read(call.Get(fromStdin), $"Password of {call.Get(address)}: ")),
                    call.Get(name)!,
                    Enum.Parse<AccountKind>(call.Get(kind)!, ignoreCase: true),
                    RoleOf(call.Get(role)) ?? Directory.Role.User,
                    call.Get(quota) is { } bytes ? QuotaOf(bytes) : null,
                    call.Get(aliases));
                return call.Print(
                    await call.Api.SendAsync(
                        HttpMethod.Post, Path, body, AdminJson.Default.NewAccountBody, AdminJson.Default.AccountView, call.Ct),
                    AdminJson.Default.AccountView,
                    added => call.Say($"{added.Address} added."));
            },
            address, fromStdin, without, name, quota, role, kind, aliases);
    }

    private static Command List(RemoteOptions remote)
    {
        var domain = new Option<string?>("--domain") { Description = "Only those of this domain.", HelpName = "DOMAIN" };
        return remote.Command(
            "list",
            "Lists the accounts.",
            async call => call.Print(
                await call.Api.ListAsync(
                    call.Get(domain) is { } only ? $"{Path}?domain={ApiClient.Segment(only)}" : Path, AdminJson.Default.AccountPage, call.Ct),
                AdminJson.Default.AccountView,
                accounts => Text.WriteTable(
                    call.Output,
                    ["ADDRESS", "NAME", "KIND", "ROLE", "STATE", "MESSAGES", "USED", "QUOTA"],
                    accounts.Select(a => new[]
                    {
                        a.Address, a.Name, Word(a.Kind), Word(a.Role), Word(a.State),
                        a.Usage is { } usage ? Text.Of(usage.Messages) : "-", Text.OfSize(a.Usage?.Bytes), Text.OfSize(a.Quota.Bytes),
                    }),
                    5, 6, 7)),
            domain);
    }

    private static Command Show(RemoteOptions remote)
    {
        var address = Address();
        return remote.Command(
            "show",
            "Shows an account.",
            async call => Tell(call, await call.Api.GetAsync(Of(call.Get(address)), AdminJson.Default.AccountView, call.Ct)),
            address);
    }

    private static Command Set(RemoteOptions remote)
    {
        var address = Address();
        var name = new Option<string?>("--name") { Description = "The name for people." };
        var quota = Quota();
        var role = Role();
        var (messages, recipients, firstTime) = (Daily("--send-messages", "messages"), Daily("--send-recipients", "recipients"),
            Daily("--send-first-time", "recipients that it has never written to"));
        var sendAs = new Option<string[]>("--send-as")
        {
            Description = "An address, or *@example.org, that the account may send from; may be repeated, replaces those before; none for none.",
            HelpName = "PATTERN",
        };
        return remote.Command(
            "set",
            "Changes an account; what is not named stays as it is.",
            async call =>
            {
                QuotaView? limits = null;
                if (call.Get(quota) is { } bytes)
                {
                    // The API takes both limits together, and the one of messages stays.
                    var now = await call.Api.GetAsync(Of(call.Get(address)), AdminJson.Default.AccountView, call.Ct);
                    limits = QuotaOf(bytes) with { Messages = now.Quota.Messages };
                }
                SendingView? sending = null;
                if ((call.Get(messages) ?? call.Get(recipients) ?? call.Get(firstTime)) is not null)
                {
                    var now = (await call.Api.GetAsync(Of(call.Get(address)), AdminJson.Default.AccountView, call.Ct)).Sending;
                    sending = new SendingView(
                        DailyOf(call.Get(messages), now.Messages), DailyOf(call.Get(recipients), now.Recipients),
                        DailyOf(call.Get(firstTime), now.FirstTime));
                }
                string[]? others = call.Get(sendAs) is { Length: > 0 } patterns ? [.. patterns.Where(static pattern => pattern != "none")] : null;
                return Tell(call, await call.Api.SendAsync(
                    HttpMethod.Patch,
                    Of(call.Get(address)),
                    new AccountChangeBody(call.Get(name), RoleOf(call.Get(role)), limits, sending, others),
                    AdminJson.Default.AccountChangeBody,
                    AdminJson.Default.AccountView,
                    call.Ct));
            },
            address, name, quota, role, messages, recipients, firstTime, sendAs);
    }

    private static Command Password(RemoteOptions remote)
    {
        var address = Address();
        var fromStdin = PasswordStdin();
        var generate = new Option<bool>("--generate") { Description = "Make one up and print it." };
        return remote.Command(
            "password",
            "Sets an account's password.",
            async call =>
            {
                var made = call.Get(generate) ? Generate() : null;
                var password = made ?? Encoding.UTF8.GetString(Secrets.Read(call.Get(fromStdin), $"New password of {call.Get(address)}: "));
                await call.Api.SendAsync(
                    HttpMethod.Put, Of(call.Get(address)) + "/password", new PasswordBody(password),
                    AdminJson.Default.PasswordBody, AdminJson.Default.AccountView, call.Ct);
                await call.Output.WriteLineAsync(made ?? $"The password of {call.Get(address)} is set.");
                return ExitStatus.Done;
            },
            address, fromStdin, generate);
    }

    private static Command Act(RemoteOptions remote, string name, string description, HttpMethod method, string action, string done)
    {
        var address = Address();
        return remote.Command(
            name,
            description,
            async call => call.Print(
                await call.Api.DoAsync(method, Of(call.Get(address)) + action, AdminJson.Default.AccountView, call.Ct),
                AdminJson.Default.AccountView,
                account => call.Say($"{account.Address} {done}")),
            address);
    }

    private static int Tell(RemoteCall call, AccountView account) => call.Print(account, AdminJson.Default.AccountView, a => Text.WriteList(
        call.Output,
        ("Address", a.Address),
        ("Name", a.Name.Length == 0 ? null : a.Name),
        ("Kind", Word(a.Kind)),
        ("Role", Word(a.Role)),
        ("State", Word(a.State)),
        ("Messages", a.Usage is { } usage ? Text.Of(usage.Messages) : null),
        ("Used", a.Usage is { } used ? $"{Text.OfSize(used.Bytes)} of {(a.Quota.Bytes is null ? "no limit" : Text.OfSize(a.Quota.Bytes))}" : null),
        ("Aliases", a.Aliases is { Count: > 0 } aliases ? string.Join(", ", aliases) : null),
        ("Sends as", a.SendAs is { Count: > 0 } others ? string.Join(", ", others) : null),
        ("Sends a day", Sending(a.Sending)),
        ("Since", Text.Of(a.CreatedAt)),
        ("Removed", a.RemovedAt is null ? null : Text.Of(a.RemovedAt)),
        ("Number", Text.Of(a.Id))));

    private static string? Sending(SendingView limits) => limits is { Messages: null, Recipients: null, FirstTime: null } ? null
        : $"{Number(limits.Messages)} messages, {Number(limits.Recipients)} recipients, {Number(limits.FirstTime)} for the first time";

    private static string Number(long? limit) => limit is { } number ? Text.Of(number) : "default";

    private static Option<string?> Daily(string name, string what) =>
        new(name) { Description = $"How many {what} a day, or default.", HelpName = "N" };

    private static long? DailyOf(string? wanted, long? now) => wanted is null ? now : wanted == "default" ? null
        : long.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new UsageException($"{wanted} is no number, and not default");

    private static string Generate() => RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", GeneratedCharacters);

    private static QuotaView QuotaOf(long bytes) => new(bytes < 0 ? null : bytes, null);

    private static Role? RoleOf(string? word) => word switch
    {
        null => null,
        "admin" => Directory.Role.Admin,
        "domain-admin" => Directory.Role.DomainAdmin,
        _ => Directory.Role.User,
    };

    private static string Word<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    private static string Of(string address) => $"{Path}/{ApiClient.Segment(address)}";

    private static Argument<string> Address() => new("ADDRESS") { Description = "As ann@example.org." };

    private static Option<bool> PasswordStdin() => new("--password-stdin") { Description = "Take the first line of standard input." };

    private static Option<long?> Quota() =>
        new("--quota") { Description = "What the mailbox may hold, as 5G, or none.", HelpName = "SIZE", CustomParser = Text.ParseSize };

    private static Option<string> Kind()
    {
        var kind = new Option<string>("--kind") { Description = "person, service, group or resource.", HelpName = "KIND" };
        kind.DefaultValueFactory = _ => "person";
        kind.AcceptOnlyFromAmong("person", "service", "group", "resource");
        return kind;
    }

    private static Option<string?> Role()
    {
        var role = new Option<string?>("--role") { Description = "user, domain-admin or admin.", HelpName = "ROLE" };
        role.AcceptOnlyFromAmong("user", "domain-admin", "admin");
        return role;
    }
}
