using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>What the rules have decided about one message.</summary>
internal sealed class RuleOutcome
{
    private readonly StringBuilder _fields = new();
    private readonly List<string> _spoken = [];
    private readonly List<(RuleMatch Match, EmailAddress To)> _redirections = [];

    public static RuleOutcome Nothing { get; } = new();

    public Refusal? Refusal { get; private set; }

    public bool Discards { get; private set; }

    /// <summary>The reason; null when it is not held.</summary>
    public string? Quarantine { get; private set; }

    /// <summary>The route that it takes when it leaves.</summary>
    public long? Route { get; private set; }

    /// <summary>Fields to put before the message.</summary>
    public byte[] Fields => Encoding.UTF8.GetBytes(_fields.ToString());

    /// <summary>Where the mail of some of its recipients goes instead.</summary>
    public IReadOnlyList<(RuleMatch Match, EmailAddress To)> Redirections => _redirections;

    /// <summary>Which rules have spoken, and what they did; empty when none has.</summary>
    public string Spoken => string.Join(", ", _spoken);

    /// <returns>Whether no further rule is asked.</returns>
    public bool Take(StageRule rule)
    {
        _spoken.Add(string.Create(CultureInfo.InvariantCulture, $"rule {rule.Id}: {WordOf(rule.Action)}"));
        switch (rule.Action)
        {
            case RuleAction.Reject:
                Refusal = new Refusal(RefusalKind.Forbidden, rule.Text);
                break;
            case RuleAction.Defer:
                Refusal = new Refusal(RefusalKind.TemporarilyUnavailable, rule.Text);
                break;
            case RuleAction.Discard:
                Discards = true;
                break;
            case RuleAction.Quarantine:
                Quarantine = rule.Text.Length > 0 ? rule.Text : string.Create(CultureInfo.InvariantCulture, $"rule {rule.Id}");
                break;
            case RuleAction.AddHeader:
                _fields.Append(rule.Text).Append("\r\n");
                return false;
            case RuleAction.RewriteHeader: // it is done already
                return false;
            case RuleAction.Redirect:
                _redirections.Add((rule.Match, EmailAddress.Parse(rule.Text)));
                return false;
            case RuleAction.Route:
                if (TryRoute(rule.Text, out var route)) Route = route;
                return false;
        }
        return true;
    }

    public static bool TryRoute(string text, out long route) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out route);

    private static string WordOf(RuleAction action) => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(action.ToString());
}
