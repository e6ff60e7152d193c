using System.Net;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>What happened to a message. The words are stored, in lower case with hyphens.</summary>
public enum JourneyStep
{
    /// <summary>It came in and is durable.</summary>
    Received,

    /// <summary>It came in and was not taken.</summary>
    Refused,

    /// <summary>Somebody looked at it and said what it is: SPF, DKIM, a rule, a filter.</summary>
    Checked,

    /// <summary>It waits in the queue.</summary>
    Queued,

    /// <summary>An address was followed to others.</summary>
    Followed,

    /// <summary>It is in a mailbox here, or another server has answered for it.</summary>
    Delivered,

    /// <summary>It is tried again later.</summary>
    Deferred,

    /// <summary>It is given up.</summary>
    Failed,

    /// <summary>The sender is told, by the message that <see cref="JourneyEvent.Text"/> names.</summary>
    Reported,

    /// <summary>An operator did something.</summary>
    Operated,
}

/// <summary>One step of a message's journey. Every member but the first three may be missing.</summary>
public sealed record JourneyEvent(DateTimeOffset At, string Message, JourneyStep Step)
{
    /// <summary>The reverse-path; empty for a report.</summary>
    public string? From { get; init; }

    public IReadOnlyList<string> To { get; init; } = [];

    /// <summary>The Message-ID, without its brackets.</summary>
    public string? MessageId { get; init; }

    /// <summary>The number of the recipient in the queue.</summary>
    public long? Queue { get; init; }

    /// <summary>Where it came from.</summary>
    public IPAddress? Client { get; init; }

    /// <summary>The client's EHLO, or the name of a check.</summary>
    public string? Name { get; init; }

    /// <summary>ESMTPSA and the like.</summary>
    public string? With { get; init; }

    /// <summary>Protocol and cipher.</summary>
    public string? Tls { get; init; }

    /// <summary>Who was logged in.</summary>
    public string? User { get; init; }

    public string? Session { get; init; }

    public long? Size { get; init; }

    /// <summary>RFC 3463.</summary>
    public string? Status { get; init; }

    /// <summary>The other server's exact reply, a verdict, or our own words.</summary>
    public string? Text { get; init; }

    /// <summary>Who said so.</summary>
    public string? Host { get; init; }

    public DateTimeOffset? Next { get; init; }
}

/// <summary>Which journeys are looked for; what is not set does not matter.</summary>
public sealed record JourneyQuery
{
    /// <summary>The name of the message.</summary>
    public string? Message { get; init; }

    /// <summary>A sender or recipient, in any case.</summary>
    public EmailAddress? Address { get; init; }

    public string? MessageId { get; init; }

    /// <summary>The number of a recipient in the queue, which may be gone from there.</summary>
    public long? Queue { get; init; }

    public DateTimeOffset? Since { get; init; }

    public DateTimeOffset? Until { get; init; }

    /// <summary>Only what was sent from this domain or to it.</summary>
    public Domain? Within { get; init; }

    /// <summary>What an event must be filed under; null when any will do.</summary>
    internal string? Key => Message is { } name ? JourneyKeys.OfMessage(name)
        : Queue is { } id ? JourneyKeys.OfQueue(id)
        : MessageId is { } messageId ? JourneyKeys.OfMessageId(messageId)
        : Address is { } address ? JourneyKeys.OfAddress(address.ToString()) : null;

    internal bool Matches(JourneyEvent step) =>
        (Message is null || step.Message == Message)
        && (Queue is null || step.Queue == Queue)
        && (MessageId is null || step.MessageId == MessageId)
        && (Address is null || Names(step, Address.ToString()))
        && (Since is null || step.At >= Since) && (Until is null || step.At <= Until);

    internal static bool Names(JourneyEvent step, string address) =>
        string.Equals(step.From, address, StringComparison.OrdinalIgnoreCase) || step.To.Contains(address, StringComparer.OrdinalIgnoreCase);
}

/// <summary>What a block of events is found by.</summary>
internal static class JourneyKeys
{
    public static string OfMessage(string name) => "m" + name;

    public static string OfQueue(long id) => "q" + id.ToString(System.Globalization.CultureInfo.InvariantCulture);

    public static string OfMessageId(string id) => "i" + id;

    public static string OfAddress(string address) => "a" + address.ToLowerInvariant();

    public static void AddTo(BloomFilter filter, JourneyEvent step)
    {
        filter.Add(OfMessage(step.Message));
        if (step.Queue is { } id) filter.Add(OfQueue(id));
        if (step.MessageId is { } messageId) filter.Add(OfMessageId(messageId));
        if (step.From is { Length: > 0 } from) filter.Add(OfAddress(from));
        foreach (var to in step.To) filter.Add(OfAddress(to));
    }
}
