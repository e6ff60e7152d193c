using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>A rule of where mail goes that leaves: the first that matches decides.</summary>
/// <param name="Position">The order.</param>
/// <param name="RecipientDomain"><c>example.org</c>, or <c>*.example.org</c> for what lies below.</param>
/// <param name="SenderAccount">The address of who submits it.</param>
/// <param name="SizeMin">Octets.</param>
/// <param name="Header">The name of a field.</param>
/// <param name="HeaderText">What stands in it, in any case.</param>
/// <param name="Sources">Addresses to connect from.</param>
/// <param name="Socks">A SOCKS 5 proxy, as <c>127.0.0.1:1080</c>.</param>
/// <param name="Mailbox">For <c>local</c>.</param>
/// <param name="Text">For <c>fail</c>: what the sender reads.</param>
/// <param name="LifetimeSeconds">How long it is tried, when not as long as everything else.</param>
/// <param name="RetrySeconds">The time after each attempt, when not as usual.</param>
public sealed record RouteView(
    long Id,
    int Position,
    RouteAction Action,
    string? RecipientDomain,
    string? SenderDomain,
    string? SenderAccount,
    long? SizeMin,
    string? Header,
    string? HeaderText,
    string? Host,
    int? Port,
    HopSecurity? Security,
    string? Login,
    IReadOnlyList<string> Sources,
    string? Socks,
    string? Mailbox,
    string? Text,
    long? LifetimeSeconds,
    IReadOnlyList<long> RetrySeconds);

/// <summary>A route to add.</summary>
/// <param name="Position">Left out: the last.</param>
/// <param name="Preset">The name of a provider instead of host, port and security: <c>brevo</c>, <c>cloudflare</c>, <c>mailgun</c>,
/// <c>mailgun-eu</c>, <c>postmark</c>, <c>sendgrid</c>, <c>ses:REGION</c>, <c>smtp2go</c>.</param>
public sealed record NewRouteBody(
    RouteAction? Action = null,
    int? Position = null,
    string? RecipientDomain = null,
    string? SenderDomain = null,
    string? SenderAccount = null,
    long? SizeMin = null,
    string? Header = null,
    string? HeaderText = null,
    string? Preset = null,
    string? Host = null,
    int? Port = null,
    HopSecurity? Security = null,
    string? Login = null,
    string? Password = null,
    IReadOnlyList<string>? Sources = null,
    string? Socks = null,
    string? Mailbox = null,
    string? Text = null,
    long? LifetimeSeconds = null,
    IReadOnlyList<long>? RetrySeconds = null)
{
    /// <summary>Never the password.</summary>
    public override string ToString() => $"route {Action} {Preset ?? Host}";
}
