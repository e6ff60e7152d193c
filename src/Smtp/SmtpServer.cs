using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Directory;
using Posthorn.Wire;

namespace Posthorn.Smtp;

// Smtp speaks SMTP (RFC 5321) to clients that bring mail: strangers at the MX, our own people at the submission ports (RFC 6409), a server
// beside this one at the LMTP port (RFC 2033). It owns
// the grammar, the session and the end of a message. It owns no rule about mail: who a recipient is, who may send as whom, and what becomes
// of a message is Delivery's answer, through Intake; who is logged in is Directory's.
//
// How a command runs. CommandReader gives one line, where it lies in the pipe. The verb table finds the row, which gates the state and
// parses into a Command record. Running it answers with a Reply, which the session writes. Replies to commands that were sent together leave
// together (RFC 2920). DATA and BDAT alone read on: a MessageStream is the message as Intake pulls it, straight out of the pipe.
//
// Invariants. Only CRLF.CRLF ends a message, and a message with a bare CR or a bare LF is refused as a whole: no two servers can disagree on
// where it ends. Whatever becomes of a message, the next command is read behind its end and nowhere else, or the connection closes.
// 250 is answered after Intake has said that the message is durable. Nothing that was said before a TLS handshake is known after it.
// A submission port takes no mail without a log-in; the MX takes none. What a peer can make the server keep is bounded by SmtpLimits.
//
// Locks: none. A session is one task; what it shares with others is behind Intake's and Authenticator's doors.
//
// Smtp must never look into a mailbox, decide about relaying, or know another speaker.

/// <summary>Who comes to a listener.</summary>
public enum SmtpRole
{
    /// <summary>Other servers, with mail for our own domains. There is no log-in.</summary>
    Mx,

    /// <summary>Our own people, after log-in, with mail for anybody.</summary>
    Submission,

    /// <summary>Another mail server beside this one, over LMTP (RFC 2033), with mail for our own domains.</summary>
    Lmtp,
}

/// <summary>What the operator decides about one kind of SMTP listener.</summary>
public sealed record SmtpSettings
{
    /// <summary>The name in the greeting and in the answer to EHLO.</summary>
    public required Domain Hostname { get; init; }

    public SmtpRole Role { get; init; }

    /// <summary>Longest message taken, announced by SIZE.</summary>
    public long MessageOctetsMax { get; init; } = 50L * 1024 * 1024;

    /// <summary>Recipients of one message (RFC 5321 §4.5.3.1.8 asks for at least 100).</summary>
    public int RecipientsMax { get; init; } = 1000;

    /// <summary>How long a message may be held before it is sent, announced by FUTURERELEASE on submission ports.</summary>
    public TimeSpan HoldMax { get; init; } = TimeSpan.FromDays(60);

    /// <summary>Octets of a line of a message with its ending. RFC 5321 §4.5.3.1.6 has 1000, and much of what is sent keeps to nothing.</summary>
    public int TextLineOctetsMax { get; init; } = TextLineOctetsDefault;

    /// <summary>What holds unless the operator is strict.</summary>
    public const int TextLineOctetsDefault = SmtpLimits.TextLineOctetsMax;

    /// <summary>VRFY and EXPN answer those who are logged in; nobody else ever (RFC 5321 §7.3).</summary>
    public bool Verifies { get; init; }

    /// <summary>By how much the reply to each further mistake comes later; up to <see cref="SmtpLimits.TarpitStepsMax"/> times as much.</summary>
    public TimeSpan TarpitStep { get; init; }

    /// <summary>How long a client waits for the greeting. Who speaks meanwhile does not listen.</summary>
    public TimeSpan GreetingPause { get; init; }

    /// <summary>Strangers are asked to come back later.</summary>
    public bool Greylists { get; init; }

    /// <summary>Who may say by XCLIENT for whom it speaks.</summary>
    public NetworkSet XclientNetworks { get; init; } = NetworkSet.Empty;

    /// <summary>Clients on this machine wait for nothing.</summary>
    public bool SparesLoopback { get; init; } = true;

    /// <summary>What the greeting says behind the host's name.</summary>
    public string Banner { get; init; } = "ESMTP Posthorn";
}

/// <summary>The SMTP speaker of one kind of listener: serves one connection after another that it is handed.</summary>
/// <param name="tls">For STARTTLS; null where it is not offered.</param>
public sealed class SmtpServer(
    SmtpSettings settings, Intake intake, MailDirectory directory, TlsServer? tls, ILogger<SmtpServer> log)
{
    /// <summary>The limits of a connection. RFC 5321 §4.5.3.2.7: five minutes between commands.</summary>
    public static WireLimits Limits { get; } = new()
    {
        LineOctetsMax = SmtpLimits.LineOctetsMax,
        BareLfEndsLine = false,
    };

    /// <summary>For a client that finds no place.</summary>
    public static ReadOnlyMemory<byte> Busy { get; } = "421 4.7.0 too many connections, please try again later\r\n"u8.ToArray();

    internal SmtpSettings Settings => settings;

    internal Intake Intake => intake;

    internal MailDirectory Directory => directory;

    internal Authenticator Authenticator => directory.Authenticator;

    internal TlsServer? Tls => tls;

    internal ILogger Log => log;

    /// <summary>As rules call it.</summary>
    internal string ListenerName => settings.Role switch
    {
        SmtpRole.Mx => "mx",
        SmtpRole.Lmtp => "lmtp",
        _ => "submission",
    };

    internal bool IsSubmission => settings.Role == SmtpRole.Submission;

    internal bool IsLmtp => settings.Role == SmtpRole.Lmtp;

    /// <summary>Speaks with one client from the greeting to the end. It throws only what is a fault of the program.</summary>
    public Task ServeAsync(WireConnection connection) => new SmtpSession(this, connection).RunAsync();
}
