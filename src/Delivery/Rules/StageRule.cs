using System.IO.Enumeration;
using System.Net;
using Posthorn.Core;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>What a rule does with what it is about. The numbers are stored.</summary>
public enum RuleAction
{
    /// <summary>No further rule is asked.</summary>
    Accept = 0,

    /// <summary>Refuses for good, with the rule's text.</summary>
    Reject = 1,

    /// <summary>Refuses for now, with the rule's text.</summary>
    Defer = 2,

    /// <summary>Takes the message, and nobody gets it.</summary>
    Discard = 3,

    /// <summary>Holds the message in the queue, with the rule's text as the reason.</summary>
    Quarantine = 4,

    /// <summary>Puts the rule's text, a whole header field, before the message, and goes on to the next rule.</summary>
    AddHeader = 5,

    /// <summary>Writes a header field anew, the rule's text, and goes on to the next rule. A <c>*</c> in the text stands for what was in the field.
    /// A message without the field gets it.</summary>
    RewriteHeader = 6,

    /// <summary>Sends the message to the address in the rule's text instead, for the recipients that the rule holds for, and goes on.</summary>
    Redirect = 7,

    /// <summary>What leaves goes by the route whose number is the rule's text, past the routes' own conditions; and goes on.</summary>
    Route = 8,
}

/// <summary>When a rule holds: all that is named must. In patterns <c>*</c> stands for anything and <c>?</c> for one character.</summary>
/// <param name="Listener"><c>mx</c>, <c>submission</c> or <c>lmtp</c>.</param>
/// <param name="Network">Of the client.</param>
/// <param name="Helo">A pattern for the client's name.</param>
/// <param name="Sender">A pattern for the reverse-path; the null path is empty.</param>
/// <param name="Recipient">A pattern for a recipient; of a whole message, one of them is enough.</param>
/// <param name="Header"><c>Subject: *lottery*</c>: a field's name and a pattern for its value.</param>
/// <param name="Verdict">What was found out of the message's origin: see <see cref="VerdictCondition"/>.</param>
public sealed record RuleMatch(
    string? Listener = null, IPNetwork? Network = null, string? Helo = null, string? Sender = null, string? Recipient = null, string? Header = null,
    VerdictCondition? Verdict = null)
{
    /// <summary>Only at the end of the message is known whether it holds.</summary>
    internal bool NeedsMessage => Header is not null || Verdict is not null;

    internal bool Holds(RuleSubject subject, EmailAddress recipient) =>
        HoldsForClient(subject) && IsFor(recipient);

    /// <param name="verdicts">Null when there are none: no condition on them holds then.</param>
    internal bool Holds(RuleSubject subject, IReadOnlyList<Recipient> recipients, ReadOnlySpan<byte> header, MailVerdicts? verdicts)
    {
        if (!HoldsForClient(subject)) return false;
        if (Recipient is not null && !recipients.Any(recipient => IsFor(recipient.Address))) return false;
        if (Verdict is not null && (verdicts is null || !Verdict.Holds(verdicts))) return false;
        return Header is null || HeaderHolds(Header, header);
    }

    internal bool IsFor(EmailAddress recipient) => Recipient is null || Like(Recipient, recipient.ToString());

    private bool HoldsForClient(RuleSubject subject) =>
        (Listener is null || Listener == subject.Listener)
        && (Network is not { } network || (subject.Remote is { } remote && network.Contains(remote.Unmapped())))
        && (Helo is null || Like(Helo, subject.Helo))
        && (Sender is null || Like(Sender, subject.From.ToString()));

    private static bool HeaderHolds(string condition, ReadOnlySpan<byte> header)
    {
        var colon = condition.IndexOf(':', StringComparison.Ordinal);
        var (name, pattern) = (System.Text.Encoding.ASCII.GetBytes(condition[..colon]), condition[(colon + 1)..].Trim());
        foreach (var field in Mime.HeaderFields.Of(header))
        {
            if (!System.Text.Ascii.EqualsIgnoreCase(field.Name, name)) continue;
            if (Like(pattern, Mime.HeaderText.Decode(field.Value[..Math.Min(field.Value.Length, DeliveryLimits.RuleValueOctetsMax)]))) return true;
        }
        return false;
    }

    private static bool Like(string pattern, string text) =>
        FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\", StringComparison.Ordinal), text);
}

/// <summary>One rule of the operator's.</summary>
/// <param name="Position">Rules are asked in this order; those of one position in the order they were made.</param>
/// <param name="Text">The reply, the reason, the header field, the address or the number of a route.</param>
public sealed record StageRule(long Id, int Position, RuleMatch Match, RuleAction Action, string Text);

/// <summary>What a rule looks at.</summary>
public sealed record RuleSubject(string Listener, IPAddress? Remote, string Helo, ReversePath From);
