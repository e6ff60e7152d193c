using System.CommandLine;
using System.Globalization;
using System.Text;
using Words = Posthorn.Server.Text;
using Posthorn.Admin;
using Posthorn.Delivery;

namespace Posthorn.Server;

internal static class RouteCommands
{
    private const string Path = "routes";

    public static Command Create(RemoteOptions remote) => remote.Group(
        "route", "The rules of where mail goes that leaves: the first that matches decides.", Add(remote), List(remote), Remove(remote));

    private static Command Add(RemoteOptions remote)
    {
        var line = new Line();
        return remote.Command(
            "add",
            "Adds a route; what waits goes by it from now on.",
            async call => Tell(call, "added", await call.Api.SendAsync(
                HttpMethod.Post, Path, line.Body(call), AdminJson.Default.NewRouteBody, AdminJson.Default.RouteView, call.Ct)),
            [.. line.Symbols]);
    }

    private static Command List(RemoteOptions remote) => remote.Command(
        "list",
        "Lists the routes in their order.",
        async call => call.Print(
            await call.Api.ListAsync(Path, AdminJson.Default.RoutePage, call.Ct),
            AdminJson.Default.RouteView,
            routes => Words.WriteTable(
                call.Output,
                ["ID", "POSITION", "MAIL", "GOES"],
                routes.Select(r => new[] { Words.Of(r.Id), Words.Of(r.Position), Mail(r), Way(r) }),
                0, 1)));

    private static Command Remove(RemoteOptions remote)
    {
        var id = new Argument<long>("ID") { Description = "As route list shows it." };
        return remote.Command(
            "remove",
            "Removes a route; what waits for it goes by the others.",
            async call => Tell(call, "removed", await call.Api.DoAsync(
                HttpMethod.Delete, string.Create(CultureInfo.InvariantCulture, $"{Path}/{call.Get(id)}"), AdminJson.Default.RouteView, call.Ct)),
            id);
    }

    private static int Tell(RemoteCall call, string deed, RouteView route) =>
        call.Print(route, AdminJson.Default.RouteView, r => call.Say($"Route {Words.Of(r.Id)} {deed}: {Mail(r)} goes {Way(r)}."));

    private static string Mail(RouteView route)
    {
        var parts = new List<string>();
        if (route.RecipientDomain is { } to) parts.Add("to " + to);
        if (route.SenderDomain is { } from) parts.Add("from " + from);
        if (route.SenderAccount is { } account) parts.Add("of " + account);
        if (route.SizeMin is { } size) parts.Add("of at least " + Words.OfSize(size));
        if (route.Header is { } header) parts.Add($"with {header}{(route.HeaderText is { } text ? $": {text}" : "")}");
        return parts.Count == 0 ? "all mail" : "mail " + string.Join(", ", parts);
    }

    private static string Way(RouteView route)
    {
        var way = route.Action switch
        {
            RouteAction.Direct => "direct",
            RouteAction.Relay => $"to the relay {route.Host}:{route.Port}{(route.Login is { } login ? $" as {login}" : "")}",
            RouteAction.Lmtp => $"over LMTP to {route.Host}:{route.Port}",
            RouteAction.Local => $"into the mailbox of {route.Mailbox}",
            RouteAction.Fail => "back to its sender",
            _ => "on hold",
        };
        if (route.Sources.Count > 0) way += " from " + string.Join(", ", route.Sources);
        return route.Socks is { } proxy ? $"{way} through {proxy}" : way;
    }

    /// <summary>What a route is made of, as it is typed.</summary>
    private sealed class Line
    {
        private readonly Argument<string> _action = new("ACTION")
        {
            Description = "direct, relay, lmtp, local, fail or hold; or a provider: brevo, cloudflare, mailgun, mailgun-eu, postmark, sendgrid, "
                + "ses:REGION, smtp2go.",
        };

        private readonly Option<string?> _to = Of("--to", "Mail to this domain; *.example.org for what lies below.", "DOMAIN");
        private readonly Option<string?> _from = Of("--from", "Mail from this domain.", "DOMAIN");
        private readonly Option<string?> _account = Of("--account", "Mail that this account submits.", "ADDRESS");
        private readonly Option<string?> _header = Of("--header", "Mail with this field, as 'X-Campaign' or 'X-Campaign: text'.", "FIELD");
        private readonly Option<string?> _host = Of("--host", "The relay, as host or host:port.", "HOST");
        private readonly Option<string?> _security = Of("--security", "start-tls, tls or none.", "MODE");
        private readonly Option<string?> _login = Of("--login", "The login at the relay.", "NAME");
        private readonly Option<string?> _socks = Of("--socks", "A SOCKS 5 proxy, as 127.0.0.1:1080.", "ADDRESS:PORT");
        private readonly Option<string?> _mailbox = Of("--mailbox", "For local: whose mailbox.", "ADDRESS");
        private readonly Option<string?> _text = Of("--text", "For fail: what the sender reads.", "TEXT");
        private readonly Option<string[]> _sources = new("--source")
        {
            Description = "An address to connect from; may be repeated.",
            HelpName = "ADDRESS",
        };

        private readonly Option<int?> _position = new("--position")
        {
            Description = "Its place in the order; the last when left out.",
            HelpName = "NUMBER",
        };

        private readonly Option<bool> _password = new("--password-stdin") { Description = "Reads the password from standard input." };
        private readonly Option<long?> _size = new("--size")
        {
            Description = "Mail of at least this size, as 10M.",
            HelpName = "SIZE",
            CustomParser = Words.ParseSize,
        };

        private readonly Option<long?> _lifetime = new("--lifetime")
        {
            Description = "How long it is tried, as 2d.",
            HelpName = "TIME",
            CustomParser = Words.ParseDuration,
        };

        private readonly Option<long[]> _retry = new("--retry")
        {
            Description = "Seconds after each attempt; may be repeated.",
            HelpName = "SECONDS",
        };

        public IReadOnlyList<Symbol> Symbols =>
        [
            _action, _to, _from, _account, _size, _header, _host, _security, _login, _password, _sources, _socks, _mailbox, _text, _position,
            _lifetime, _retry,
        ];

        public NewRouteBody Body(RemoteCall call)
        {
            var word = call.Get(_action);
            var isAction = Enum.TryParse<RouteAction>(word, ignoreCase: true, out var action) && !char.IsDigit(word[0]);
            var (host, port) = HostOf(call.Get(_host));
            var header = call.Get(_header)?.Split(':', 2);
            var needsPassword = call.Get(_login) is not null || (!isAction && RelayPresets.Find(word) is not null);
            return new NewRouteBody(
                isAction ? action : null, call.Get(_position), call.Get(_to), call.Get(_from), call.Get(_account), call.Get(_size), header?[0].Trim(),
                header is { Length: 2 } ? header[1].Trim() : null, isAction ? null : word, host, port, SecurityOf(call.Get(_security)),
                call.Get(_login), needsPassword ? Encoding.UTF8.GetString(Secrets.Read(call.Get(_password), "Password for the relay: ")) : null,
                call.Get(_sources), call.Get(_socks), call.Get(_mailbox), call.Get(_text), call.Get(_lifetime), call.Get(_retry));
        }

        private static (string? Host, int? Port) HostOf(string? text)
        {
            if (text?.LastIndexOf(':') is not (> 0 and var colon) || text.IndexOf(':', StringComparison.Ordinal) != colon) return (text, null);
            return int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
                ? (text[..colon], port)
                : throw new CommandFailedException("a port is a number");
        }

        private static HopSecurity? SecurityOf(string? word) => word switch
        {
            null => null,
            "start-tls" or "starttls" => HopSecurity.StartTls,
            "tls" => HopSecurity.Tls,
            "none" => HopSecurity.None,
            _ => throw new CommandFailedException("--security is start-tls, tls or none"),
        };

        private static Option<string?> Of(string name, string description, string help) => new(name) { Description = description, HelpName = help };
    }
}
