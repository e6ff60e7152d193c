namespace Posthorn.Smtp;

/// <summary>What one session may cost. docs/limits.md lists these by name.</summary>
internal static class SmtpLimits
{
    /// <summary>A line of a command or of an authentication exchange, its ending included (RFC 4954 §4 names 12,288).</summary>
    public const int LineOctetsMax = 12_288;

    /// <summary>A path with its source route; the address in it has at most 254 (RFC 5321 §4.5.3.1.3).</summary>
    public const int PathOctetsMax = 1024;

    /// <summary>The argument of EHLO (RFC 5321 §4.5.3.1.2).</summary>
    public const int HelloOctetsMax = 255;

    /// <summary>A value of XCLIENT.</summary>
    public const int XclientValueOctetsMax = 255;

    /// <summary>Digits of SIZE (RFC 1870 §4).</summary>
    public const int SizeDigitsMax = 20;

    /// <summary>ENVID as it is written (RFC 3461 §5.4).</summary>
    public const int EnvelopeIdOctetsMax = 100;

    /// <summary>ORCPT's address as it is written (RFC 3461 §5.4).</summary>
    public const int OriginalRecipientOctetsMax = 500;

    /// <summary>A date and time of HOLDUNTIL (RFC 3339).</summary>
    public const int DateTimeOctetsMax = 32;

    /// <summary>A keyword of a parameter that nobody knows, as it is repeated to the client.</summary>
    public const int KeywordOctetsMax = 32;

    /// <summary>Addresses that EXPN tells.</summary>
    public const int ExpandedMax = 100;

    /// <summary>A reply line with its ending (RFC 5321 §4.5.3.1.5).</summary>
    public const int ReplyOctetsMax = 512;

    /// <summary>Commands in a row that are unknown, malformed or out of order, before the connection is closed.</summary>
    public const int BadCommandsMax = 10;

    /// <summary>Mistakes of a connection that are answered at once, before the tarpit begins.</summary>
    public const int MistakesAnsweredAtOnceMax = 3;

    /// <summary>Steps of the tarpit: no reply comes later.</summary>
    public const int TarpitStepsMax = 5;

    /// <summary>Failed log-ins before the connection is closed.</summary>
    public const int LoginFailuresMax = 3;

    /// <summary>Recipients of one connection that are refused for good: whoever guesses names has to come again.</summary>
    public const int RecipientsRefusedMax = 100;

    /// <summary>How often a client may be answered that has named no recipient since its last message. A pipeline counts once.</summary>
    public const int TurnsWithoutMailMax = 1000;

    /// <summary>A line of a message with its ending: longer ones are a fault of some program, and no text.</summary>
    public const int TextLineOctetsMax = 65_536;

    /// <summary>Chunks of one message; a client that sends 1 KB at a time reaches it at 64 MB.</summary>
    public const int ChunksMax = 65_536;

    /// <summary>What is read of a message that is refused already, so that it can be answered in order; beyond it the connection ends.</summary>
    public const long DiscardOctetsMax = 256L * 1024 * 1024;
}
