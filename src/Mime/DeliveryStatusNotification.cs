using Posthorn.Core;

namespace Posthorn.Mime;

/// <summary>What became of a recipient (RFC 3464 §2.3.3).</summary>
public enum DeliveryAction
{
    Failed,
    Delayed,
    Delivered,
    Relayed,
    Expanded,
}

/// <summary>One recipient's fields of a delivery report (RFC 3464 §2.3).</summary>
public sealed record RecipientStatus
{
    /// <summary>The address that delivery was last tried to.</summary>
    public required EmailAddress FinalRecipient { get; init; }

    /// <summary>As ORCPT gave it, decoded from xtext: <c>rfc822;ann@example.org</c> (RFC 3461 §4.2).</summary>
    public string? OriginalRecipient { get; init; }

    public required DeliveryAction Action { get; init; }

    /// <summary>RFC 3463: <c>5.1.1</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The host that said so.</summary>
    public string? RemoteMta { get; init; }

    /// <summary>What it said, in its own words: <c>550 5.1.1 no such user</c>.</summary>
    public string? Diagnostic { get; init; }

    public DateTimeOffset? LastAttempt { get; init; }

    /// <summary>For <see cref="DeliveryAction.Delayed"/>: how long it will be tried.</summary>
    public DateTimeOffset? WillRetryUntil { get; init; }
}

/// <summary>A delivery report: written to the sender of a message, and read back from others (RFC 3464, RFC 6533).</summary>
public sealed record DeliveryStatusNotification
{
    /// <summary>The host that reports.</summary>
    public required string ReportingMta { get; init; }

    /// <summary>RFC 3461 §4.4 ENVID, decoded.</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>When the message came here.</summary>
    public DateTimeOffset? Arrived { get; init; }

    public required IReadOnlyList<RecipientStatus> Recipients { get; init; }

    /// <summary>Whether an address needs RFC 6533's forms.</summary>
    public bool NeedsUtf8 => Recipients.Any(recipient => !recipient.FinalRecipient.IsAscii
        || (recipient.OriginalRecipient is { } original && !System.Text.Ascii.IsValid(original)));

    /// <summary>Reads the report out of a message.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="report">The report, when the message is one: the first message/delivery-status part with a recipient.</param>
    public static bool TryRead(ReadOnlyMemory<byte> message, out DeliveryStatusNotification? report) =>
        DeliveryReportReader.TryRead(message, out report);
}

/// <summary>A report on its way to the sender of a message.</summary>
public sealed record DeliveryReport
{
    public required DeliveryStatusNotification Status { get; init; }

    /// <summary>The reverse-path of the message that is reported on. The report itself goes out with the null path (RFC 5321 §4.5.5).</summary>
    public required EmailAddress To { get; init; }

    /// <summary>Who signs: the postmaster of the domain.</summary>
    public required EmailAddress From { get; init; }

    public required DateTimeOffset Date { get; init; }

    /// <summary>The Subject of the message, decoded, for people.</summary>
    public string? OriginalSubject { get; init; }

    /// <summary>The Message-ID of the message, so that the report joins its thread.</summary>
    public string? OriginalMessageId { get; init; }

    /// <summary>RET=FULL (RFC 3461 §4.3): the message comes back whole, else only its header.</summary>
    public bool ReturnFull { get; init; }

    /// <summary>Writes the report as a message with CRLF line ends.</summary>
    /// <param name="original">The message that is reported on, from its first octet; not disposed.</param>
    /// <param name="output">Gets the report; not disposed.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    public Task WriteAsync(Stream original, Stream output, CancellationToken cancellationToken = default) =>
        new DeliveryReportWriter(this).WriteAsync(original, output, cancellationToken);
}
