namespace Posthorn.Delivery;

/// <summary>What another server may cost us in time and memory, and what we ask of it at once.</summary>
internal static class OutboundLimits
{
    // RFC 5321 §4.5.3.2: from the command to the end of its reply.
    public static readonly TimeSpan GreetingTimeout = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan HelloTimeout = TimeSpan.FromMinutes(5); // EHLO, HELO, STARTTLS, AUTH, RSET: the RFC names none
    public static readonly TimeSpan MailTimeout = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan RecipientTimeout = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan DataTimeout = TimeSpan.FromMinutes(2);

    /// <summary>How long one block of the message may wait for a peer that does not read.</summary>
    public static readonly TimeSpan BlockTimeout = TimeSpan.FromMinutes(3);

    /// <summary>From the final dot to its reply: giving up too early means sending twice (RFC 1047).</summary>
    public static readonly TimeSpan FinalDotTimeout = TimeSpan.FromMinutes(10);

    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromMinutes(1);

    /// <summary>How long the reply to QUIT is waited for.</summary>
    public static readonly TimeSpan QuitTimeout = TimeSpan.FromSeconds(5);

    /// <summary>From the first octet of a line to its end.</summary>
    public static readonly TimeSpan ReplyLineTimeout = TimeSpan.FromMinutes(1);

    /// <summary>Octets of a line of a reply; of a longer one its head is read (RFC 5321 §4.5.3.1.5 gives 512).</summary>
    public const int ReplyLineOctetsMax = 2048;

    /// <summary>Octets of a line without end before the connection is given up.</summary>
    public const int ReplyDiscardOctetsMax = 64 * 1024;

    /// <summary>Lines of one reply.</summary>
    public const int ReplyLinesMax = 128;

    /// <summary>Characters of a reply that are kept for reports and the log.</summary>
    public const int ReplyTextMax = 1000;

    /// <summary>Exchanges that are tried in one attempt (RFC 5321 §5.1 asks for at least two).</summary>
    public const int ExchangesMax = 10;

    /// <summary>Addresses of one exchange that are tried.</summary>
    public const int AddressesMax = 8;

    /// <summary>Recipients of one transaction, which every server takes (RFC 5321 §4.5.3.1.8); more are sent in further ones.</summary>
    public const int RecipientsPerTransactionMax = 100;

    /// <summary>Octets of a chunk (RFC 3030 §2).</summary>
    public const int ChunkOctetsMax = 64 * 1024;

    /// <summary>Chunks that are sent before the replies to them are read.</summary>
    public const int ChunksInFlightMax = 16;

    /// <summary>Transactions over one connection.</summary>
    public const int TransactionsPerConnectionMax = 50;

    /// <summary>Idle connections that wait for a further message, all together.</summary>
    public const int IdleSessionsMax = 200;

    /// <summary>How long one of them waits.</summary>
    public static readonly TimeSpan IdleSessionTimeout = TimeSpan.FromSeconds(5);
}
