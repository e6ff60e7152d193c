using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>One recipient of one message on its way out.</summary>
/// <param name="Message">The name of the message in Received and in the log; recipients of one message share it.</param>
/// <param name="Sender">Empty for a notification.</param>
/// <param name="Domain">Where it goes.</param>
/// <param name="NextAttempt">Null while an attempt is under way, and while it is held.</param>
/// <param name="LastReply">The other server's words, or why none was reached.</param>
/// <param name="Lane">The way out: a domain, <c>#</c> and the number of a route, or <c>@</c> for a mailbox here.</param>
public sealed record QueueView(
    long Id,
    string Message,
    string Sender,
    string Recipient,
    string Domain,
    QueueState State,
    int Attempts,
    DateTimeOffset ArrivedAt,
    DateTimeOffset? NextAttempt,
    DateTimeOffset ExpiresAt,
    string? LastReply,
    long SizeBytes,
    string Lane);

/// <param name="Count">How many entries it was done to.</param>
public sealed record QueueDone(long Count);

/// <param name="Route">Null for the rules.</param>
public sealed record QueueRouteBody(long? Route);

/// <summary>One way out, with mail that waits for it.</summary>
/// <param name="Lane">A domain, <c>#</c> and the number of a route, or <c>@</c> for the mailboxes here.</param>
/// <param name="ClosedUntil">Until when it is left alone, because nobody was reached there.</param>
public sealed record DestinationView(string Lane, long Waiting, DateTimeOffset FirstDue, DateTimeOffset? ClosedUntil, string? LastReply);
