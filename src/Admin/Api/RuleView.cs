using System.Text.Json.Serialization;
using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>A rule; a condition that is null is none. In patterns * stands for anything and ? for one character.</summary>
/// <param name="Position">Rules are asked in this order.</param>
/// <param name="Listener">mx, submission or lmtp.</param>
/// <param name="Network">Of the client, in CIDR notation.</param>
/// <param name="Header">A field's name, a colon and a pattern for its value.</param>
/// <param name="Verdict">A method and a result of what was found out of the message's origin, as dmarc=fail or spf!=pass.</param>
/// <param name="Text">The reply, the reason of a quarantine, the header field (in one that is rewritten, * stands for what was in it), the
/// address of a redirection, or the number of a route.</param>
public sealed record RuleView(
    long Id,
    int Position,
    string? Listener,
    string? Network,
    string? Helo,
    string? Sender,
    string? Recipient,
    string? Header,
    string? Verdict,
    RuleAction Action,
    string Text);

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewRuleBody(
    RuleAction Action,
    int Position = 100,
    string? Listener = null,
    string? Network = null,
    string? Helo = null,
    string? Sender = null,
    string? Recipient = null,
    string? Header = null,
    string? Verdict = null,
    string Text = "");
