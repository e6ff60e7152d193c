using Microsoft.Extensions.Logging;
using Posthorn.Directory;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Pop3;

// Pop3 speaks POP3 (RFC 1939, RFC 2449) over Wire's connections, and is a view of Store's mailboxes for clients that want to fetch and leave. It
// owns the grammar, the session and the maildrop as a session sees it. It owns no mail and no rule about mail.
//
// How a command runs. CommandReader gives one line, where it lies in the pipe. The verb table finds the row, which gates the state and parses into
// a Command record. Running it answers with a Reply, or writes lines of its own and says so. Replies to commands that were sent together leave
// together (RFC 2449 §6.6).
//
// Invariants. A Maildrop is taken from the shared indexes at log-in and never changes its numbers: what comes later is seen by the next session,
// what somebody else has expunged meanwhile is refused when it is asked for. Nothing is changed before QUIT; then deletions and \Seen are one
// durable step of Store's, and only behind it stands +OK. A session that ends in any other way leaves everything as it was (RFC 1939 §6). A unique id
// names an Email for ever: its number, which is never used again, and when it arrived, which tells it from its like after a restore.
// Bodies go through in pieces of 64 KB, and an unread one holds one pipe's buffer. What a peer can make the server keep is bounded by Pop3Limits,
// and by eight octets for each message of a maildrop.
//
// Locks: MaildropDoors' own, for a few instructions. A session is one task; what else it shares is immutable or behind Store's door.
//
// Pop3 must never open a blob by itself, decide who may see what, or know another speaker.

/// <summary>Which messages a maildrop holds.</summary>
public enum MaildropView
{
    /// <summary>Those of INBOX.</summary>
    Inbox,

    /// <summary>Those without \Seen, wherever they have been filed, but for drafts, sent mail, junk and trash.</summary>
    Unread,
}

/// <summary>What the operator decides about POP3.</summary>
public sealed record Pop3Settings
{
    public MaildropView View { get; init; } = MaildropView.Inbox;

    /// <summary>One session at a time for an account (RFC 1939 §4). Without it, whoever comes late finds some messages gone.</summary>
    public bool LocksMaildrop { get; init; } = true;

    /// <summary>From one log-in of an account to the next (RFC 2449 §6.5).</summary>
    public TimeSpan LoginDelay { get; init; } = TimeSpan.Zero;
}

/// <summary>The POP3 speaker: serves one connection after another that a listener hands it.</summary>
/// <param name="doors">Shared by all POP3 listeners.</param>
/// <param name="tls">For STLS; null where it is not offered.</param>
public sealed class Pop3Server(
    Pop3Settings settings, MailStore store, Authenticator authenticator, MaildropDoors doors, TlsServer? tls, ILogger<Pop3Server> log)
{
    /// <summary>The limits of a connection.</summary>
    public static WireLimits Limits { get; } = new()
    {
        LineOctetsMax = Pop3Limits.LineOctetsMax,
        BareLfEndsLine = true,
        IdleTimeout = Pop3Limits.IdleTimeout,
    };

    /// <summary>For a client that finds no place.</summary>
    public static ReadOnlyMemory<byte> Busy { get; } = "-ERR [SYS/TEMP] too many connections, please try again later\r\n"u8.ToArray();

    internal Pop3Settings Settings => settings;

    internal MailStore Store => store;

    internal Authenticator Authenticator => authenticator;

    internal MaildropDoors Doors => doors;

    internal TlsServer? Tls => tls;

    internal ILogger Log => log;

    /// <summary>Speaks with one client from the greeting to the end. It throws only what is a fault of the program.</summary>
    public async Task ServeAsync(WireConnection connection)
    {
        using var session = new Pop3Session(this, connection);
        await session.RunAsync();
    }
}
