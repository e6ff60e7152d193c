namespace Posthorn.Pop3;

/// <summary>What one session may cost. docs/limits.md lists these by name.</summary>
internal static class Pop3Limits
{
    /// <summary>A command or an authentication response with its ending: RFC 2449 §4 asks for 255, tokens of SASL need more.</summary>
    public const int LineOctetsMax = 12_288;

    /// <summary>A user name, a password.</summary>
    public const int CredentialOctetsMax = 4096;

    /// <summary>The first line of a response with its ending (RFC 2449 §4).</summary>
    public const int ReplyOctetsMax = 512;

    /// <summary>Octets of a message that are in memory at once.</summary>
    public const int BodyChunkOctets = 64 * 1024;

    /// <summary>A header that is written anew for a client without UTF8; what is longer goes as it is.</summary>
    public const int SurrogateHeaderOctetsMax = BodyChunkOctets;

    /// <summary>Commands in a row that are unknown, malformed or out of order, before the connection is closed.</summary>
    public const int BadCommandsMax = 10;

    /// <summary>Failed log-ins before the connection is closed.</summary>
    public const int LoginFailuresMax = 3;

    /// <summary>RFC 1939 §3: at least ten minutes. At its end the connection goes without a word and nothing is deleted.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromMinutes(10);
}
