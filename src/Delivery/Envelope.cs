using System.Net;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Delivery;

/// <summary>The envelope of a message (RFC 5321 §2.3.1).</summary>
/// <param name="Utf8">The client said SMTPUTF8 (RFC 6531): addresses and header may be UTF-8, and whoever takes it next must be able to.</param>
public sealed record Envelope(ReversePath From, IReadOnlyList<Recipient> Recipients, bool Utf8 = false)
{
    public MailParameters Parameters { get; init; } = MailParameters.None;
}

/// <summary>A recipient that <see cref="Intake"/> agreed to: as the client wrote it, and where its mail goes.</summary>
public sealed record Recipient(EmailAddress Address, IReadOnlyList<Target> Targets)
{
    public RcptParameters Parameters { get; init; } = RcptParameters.None;
}

/// <summary>Where a message comes from: what Received tells, what the log tells, whose message it is.</summary>
public sealed record Origin
{
    /// <summary>The client's EHLO argument as it gave it.</summary>
    public string Helo { get; init; } = "";

    /// <summary>Null for a message that is born here.</summary>
    public IPAddress? Remote { get; init; }

    /// <summary>ESMTP, ESMTPS, ESMTPSA, UTF8SMTPSA… (RFC 3848, RFC 6531 §4.3).</summary>
    public string With { get; init; } = "ESMTP";

    /// <summary>Protocol and cipher: <c>TLS1.3 TLS_AES_256_GCM_SHA384</c>; null in the clear.</summary>
    public string? Tls { get; init; }

    public string SessionId { get; init; } = "";

    /// <summary>Where it came in, as rules call it: <c>mx</c>, <c>submission</c>, <c>lmtp</c>; empty for what is born here.</summary>
    public string Listener { get; init; } = "";

    /// <summary>The milters of the session, which have seen the envelope; null where there are none.</summary>
    public MilterSession? Milters { get; init; }

    /// <summary>Who is logged in: the message is a submission (RFC 6409), to be completed and stripped of Bcc. Null at the MX.</summary>
    public Identity? Submitter { get; init; }

    /// <summary>The program itself writes, in the name of a domain of this server: the message is signed.</summary>
    public bool IsOurs { get; init; }
}

/// <summary>What the acknowledgement may say: the message is durable.</summary>
/// <param name="Id">The name of the message in Received, in the log and in the queue.</param>
public sealed record Receipt(string Id, long SizeBytes);
