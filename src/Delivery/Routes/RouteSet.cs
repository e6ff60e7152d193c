using System.Globalization;
using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Delivery;

/// <summary>The routes in their order: which of them a recipient's mail takes, and the lane that it waits in.</summary>
/// <remarks>A lane's name is the domain; <c>#7</c> for what route 7 hands to one server or does itself; <c>#7 domain</c> for what it sends direct.
/// The relay of the configuration is <c>#0</c>.</remarks>
internal sealed class RouteSet(IReadOnlyList<MailRoute> routes, DeliverySettings settings)
{
    /// <summary>Whether a decision may need the message itself.</summary>
    public bool LooksAtHeaders { get; } = routes.Any(static route => route.Match.Header is not null);

    public IReadOnlyList<MailRoute> Routes => routes;

    /// <summary>What stands for all of it: another text means that what waits may belong elsewhere.</summary>
    public string Fingerprint => string.Join('\n', routes.Select(static route => Describe(route)).Append(settings.Relay?.ToString() ?? "direct"));

    /// <summary>The first route that matches; null when none does.</summary>
    /// <param name="passHolds">An operator has released it.</param>
    public MailRoute? Decide(in RoutedMail mail, EmailAddress recipient, bool passHolds = false)
    {
        foreach (var route in routes)
        {
            if (passHolds && route.Action == RouteAction.Hold) continue;
            if (Matches(route.Match, mail, recipient)) return route;
        }
        return null;
    }

    public string LaneOf(MailRoute? route, EmailAddress recipient) => route switch
    {
        null => settings.Relay is null ? recipient.Domain.Ascii : "#0",
        { Action: RouteAction.Direct } => string.Create(CultureInfo.InvariantCulture, $"#{route.Id} {recipient.Domain.Ascii}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"#{route.Id}"),
    };

    /// <summary>The route of a lane; null for one without.</summary>
    /// <param name="isKnown">False when the route has been removed since.</param>
    public MailRoute? OfLane(string lane, out bool isKnown)
    {
        isKnown = true;
        if (!lane.StartsWith('#') || lane == "#0") return null;
        var number = lane.AsSpan(1);
        var end = number.IndexOf(' ');
        var id = long.Parse(end < 0 ? number : number[..end], NumberStyles.None, CultureInfo.InvariantCulture);
        var route = routes.FirstOrDefault(candidate => candidate.Id == id);
        isKnown = route is not null;
        return route;
    }

    private static bool Matches(RouteMatch match, in RoutedMail mail, EmailAddress recipient) =>
        (match.RecipientDomain is null || IsDomain(match.RecipientDomain, recipient.Domain))
        && (match.SenderDomain is null || (mail.From.Address is { } sender && IsDomain(match.SenderDomain, sender.Domain)))
        && (match.SenderAccount is null || match.SenderAccount == mail.Submitter)
        && (match.SizeMin is null || mail.Size >= match.SizeMin)
        && (match.Header is null || HasHeader(match, mail.Head.Span));

    private static bool IsDomain(string pattern, Domain domain) => pattern.StartsWith("*.", StringComparison.Ordinal)
        ? domain.Ascii.EndsWith(pattern[1..], StringComparison.Ordinal)
        : domain.Ascii == pattern;

    private static bool HasHeader(RouteMatch match, ReadOnlySpan<byte> head)
    {
        var name = Encoding.ASCII.GetBytes(match.Header!);
        foreach (var field in HeaderFields.Of(head))
        {
            if (!field.Is(name)) continue;
            if (match.HeaderText is not { } text) return true;
            if (Encoding.UTF8.GetString(field.Value).Contains(text, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    private static string Describe(MailRoute route) => string.Join(
        '|', route.Id, route.Position, (int)route.Action, route.Match.RecipientDomain, route.Match.SenderDomain, route.Match.SenderAccount,
        route.Match.SizeMin, route.Match.Header, route.Match.HeaderText);

    /// <summary>Addresses of a list, in the form they are stored in.</summary>
    public static IReadOnlyList<IPAddress> ReadAddresses(string text) => text.Length == 0 ? [] : [.. text.Split(',').Select(IPAddress.Parse)];
}
