namespace Posthorn.Delivery;

/// <summary>How much the traces of messages may cost. See docs/queue.md.</summary>
internal static class JourneyLimits
{
    /// <summary>Events that wait to be written; what comes beyond is left out, and counted.</summary>
    public const int WaitingMax = 20_000;

    /// <summary>Events of one block.</summary>
    public const int BlockEventsMax = 256;

    /// <summary>Blocks that are opened at a time to answer a question.</summary>
    public const int BlocksPerReadMax = 16;

    /// <summary>Recipients that one event names.</summary>
    public const int NamedRecipientsMax = 100;

    /// <summary>Messages that one question finds.</summary>
    public const int FoundMessagesMax = 1000;

    /// <summary>Events of one message that are shown.</summary>
    public const int EventsPerMessageMax = 10_000;

    /// <summary>How long an event may wait for others to be written with.</summary>
    public static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often it is looked for days to let go of.</summary>
    public static readonly TimeSpan PurgeInterval = TimeSpan.FromHours(1);
}
