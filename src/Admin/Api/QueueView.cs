using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>One recipient of one message on its way out.</summary>
/// <param name="Message">The name of the message in Received and in the log; recipients of one message share it.</param>
/// <param name="Sender">Empty for a notification.</param>
/// <param name="Domain">Where it goes.</param>
/// <param name="NextAttempt">Null while an attempt is under way, and while it is held.</param>
/// <param name="LastReply">The other server's words, or why none was reached.</param>
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
    long SizeBytes);
