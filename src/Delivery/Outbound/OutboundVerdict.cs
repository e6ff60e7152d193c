using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>What became of something, before it is told of each recipient.</summary>
internal sealed record OutboundVerdict(OutboundOutcome Outcome, string Status, string Reply, string? RemoteMta = null)
{
    /// <summary>RFC 5321 §4.2.1: 2yz done, 5yz never, and everything else, silence too, means later.</summary>
    public static OutboundVerdict Of(SmtpReply reply, string host) => new(
        reply.IsPositive ? OutboundOutcome.Delivered : reply.IsPermanent ? OutboundOutcome.Failed : OutboundOutcome.Deferred,
        reply.IsIntermediate ? "4.5.0" : reply.Status,
        reply.ToString(),
        host);

    public static OutboundVerdict Later(string status, string why, string? host = null) => new(OutboundOutcome.Deferred, status, why, host);

    public static OutboundVerdict Never(string status, string why, string? host = null) => new(OutboundOutcome.Failed, status, why, host);

    public OutboundResult For(EmailAddress recipient) => new(recipient, Outcome, Status, Reply, RemoteMta);
}
