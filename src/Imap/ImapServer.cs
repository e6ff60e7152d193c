using Microsoft.Extensions.Logging;
using Posthorn.Directory;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Imap;

// Imap speaks IMAP4rev1 (RFC 3501) and, to a client that enables it, IMAP4rev2 (RFC 9051) over Wire's connections, and is a view of Store's
// mailboxes. It owns the grammar, the session and its idea of message numbers. It owns no mail and no rule about mail. An extension is a file
// or some, named after what it is about; what a client has switched on is one set of flags (Extensions), which replies look at.
//
// How a command runs. CommandSource reads one whole command; literals up to 64 KB are part of its text, the message of an APPEND beyond
// that is staged in the blob store while it arrives, after its size, its mailbox and the quota were looked at. The verb table finds the
// row, which gates the state and parses into a Command record. Running it writes untagged data into the connection's output and returns
// the tagged Reply. The session then writes what else happened to the mailbox, as far as the row allows, and the reply. Commands of one
// connection run one after the other, in the order they came.
//
// Invariants. The session's message numbers are a MailboxSnapshot reference (SelectedMailbox.Known): it is replaced only where the client
// has been told everything that lies between the two, EXPUNGEs included, and EXPUNGE is never sent while a FETCH, STORE or SEARCH by
// message number is answered. Output is flushed at least every 32 KB and a flush waits for the peer, so a client that does not read costs
// one buffer. Bodies go through in pieces of 64 KB. What a peer can make the server keep is bounded by ImapLimits.
//
// Locks: none. A session is one task; what it shares with others is immutable or behind Store's door.
//
// Imap must never open a blob by itself, decide who may see what, or know another speaker.

/// <summary>What the operator decides about IMAP.</summary>
public sealed record ImapSettings
{
    /// <summary>Longest message that APPEND takes.</summary>
    public long MessageOctetsMax { get; init; } = 50L * 1024 * 1024;

    /// <summary>What stands for this server in a URL.</summary>
    public string Hostname { get; init; } = "localhost";

    /// <summary>What is kept from clients that trip on it.</summary>
    public IReadOnlyList<CapabilityRule> CapabilitiesOff { get; init; } = [];

    /// <summary>Literals that come unasked have at most 4,096 octets: LITERAL- instead of LITERAL+ (RFC 7888 §5).</summary>
    public bool LiteralMinus { get; init; }

    /// <summary>What ID tells of the server; empty to say nothing but the name.</summary>
    public string Version { get; init; } = "";
}

/// <summary>The IMAP speaker: serves one connection after another that a listener hands it.</summary>
/// <param name="tls">For STARTTLS; null where it is not offered.</param>
public sealed class ImapServer(
    ImapSettings settings, MailStore store, MailDirectory directory, TlsServer? tls, ILogger<ImapServer> log)
{
    /// <summary>The limits of a connection until somebody has logged in.</summary>
    public static WireLimits Limits { get; } = new()
    {
        LineOctetsMax = ImapLimits.LineOctetsMax,
        DiscardOctetsMax = 16 * ImapLimits.LineOctetsMax,
        IdleTimeout = ImapLimits.LoginTimeout,
    };

    /// <summary>For a client that finds no place.</summary>
    public static ReadOnlyMemory<byte> Busy { get; } = "* BYE [UNAVAILABLE] too many connections, please try again later\r\n"u8.ToArray();

    internal ImapSettings Settings => settings;

    internal MailStore Store => store;

    internal Authenticator Authenticator => directory.Authenticator;

    internal Accounts Accounts => directory.Accounts;

    internal TlsServer? Tls => tls;

    /// <summary>Whether a URL's host is this server.</summary>
    internal bool IsHost(string host) => host.Equals(settings.Hostname, StringComparison.OrdinalIgnoreCase);

    internal ILogger Log => log;

    /// <summary>Speaks with one client from the greeting to the end. It throws only what is a fault of the program.</summary>
    public async Task ServeAsync(WireConnection connection)
    {
        using var session = new ImapSession(this, connection);
        await session.RunAsync();
    }
}
