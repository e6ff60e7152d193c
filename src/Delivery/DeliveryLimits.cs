namespace Posthorn.Delivery;

/// <summary>What one message may ask of this room. See docs/limits.md; what an operator may change is in <see cref="DeliverySettings"/>.</summary>
internal static class DeliveryLimits
{
    /// <summary>Octets of a message that is held in memory as a whole; a larger one is read in one pass.</summary>
    public const int MemoryMessageOctetsMax = 64 * 1024;

    /// <summary>Octets of a submitted message's header, which is completed in memory.</summary>
    public const int SubmissionHeaderOctetsMax = 512 * 1024;

    /// <summary>Received fields (RFC 5321 §6.3).</summary>
    public const int HopsMax = 50;

    /// <summary>Received fields that this host wrote itself; an address may lead outside and back once.</summary>
    public const int OwnHopsMax = 1;

    /// <summary>Rules that the operator makes; each message asks all of them.</summary>
    public const int RulesMax = 1000;

    /// <summary>Characters of a pattern or a text of a rule.</summary>
    public const int RuleCharsMax = 500;

    /// <summary>Octets of a header field's value that a rule looks at.</summary>
    public const int RuleValueOctetsMax = 16 * 1024;

    /// <summary>A packet of a milter: its library sends at most 64 KB, and 1 MB of a body if that was agreed on.</summary>
    public const int MilterPacketOctetsMax = 1024 * 1024;

    /// <summary>Fields of a message, those that milters add included.</summary>
    public const int MilterFieldsMax = 10_000;

    /// <summary>Mailboxes that one commit delivers to; a message for more goes through the queue.</summary>
    public const int MailboxesPerCommitMax = 20;

    /// <summary>Recipients that one commit queues; a message for more is queued under the addresses it was sent to, to be followed later.</summary>
    public const int QueuedPerCommitMax = 1000;

    /// <summary>Recipients of one transaction with another server (RFC 5321 §4.5.3.1.8).</summary>
    public const int RecipientsPerAttemptMax = 100;

    /// <summary>Attempts to local mailboxes at a time.</summary>
    public const int LocalAttemptsMax = 2;

    /// <summary>Octets of a message that a report brings back whole, when the sender asked for that (RFC 3461 §4.3).</summary>
    public const int ReturnedOctetsMax = 1024 * 1024;

    /// <summary>Accounts whose mail an address has bounced before nobody's is sent to it.</summary>
    public const int SuppressedForAllAt = 3;

    /// <summary>Routes, each of which every message that leaves is held against.</summary>
    public const int RoutesMax = 200;

    /// <summary>Characters of another server's reply that are kept.</summary>
    public const int ReplyCharsMax = 1000;

    /// <summary>Octets of a message's beginning that are searched for what a report tells of it.</summary>
    public const int ReportedHeaderOctetsMax = 64 * 1024;

    /// <summary>Failure reports to one domain in a day.</summary>
    public const int FailuresPerDomainMax = 50;

    /// <summary>Failure reports to all domains in a day.</summary>
    public const int FailuresMax = 1_000;
}
