using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>What became of something, before it is told of each recipient.</summary>
internal sealed record OutboundVerdict(OutboundOutcome Outcome, string Status, string Reply, string? RemoteMta = null, Reach Reach = Reach.Message)
{
    /// <summary>RFC 5321 §4.2.1: 2yz done, 5yz never, and everything else, silence too, means later.</summary>
    /// <param name="reach">How far the attempt came when the server said so.</param>
    public static OutboundVerdict Of(SmtpReply reply, string host, Reach reach = Reach.Message) => new(
        reply.IsPositive ? OutboundOutcome.Delivered : reply.IsPermanent ? OutboundOutcome.Failed : OutboundOutcome.Deferred,
        reply.IsIntermediate ? "4.5.0" : reply.Status,
        reply.ToString(),
        host,
        reply.IsLost && reach == Reach.Session ? Reach.Nobody : reply.IsLost || reply.Code == 421 ? Reach.Session : reach);

    public static OutboundVerdict Later(string status, string why, string? host = null, Reach reach = Reach.Nobody) =>
        new(OutboundOutcome.Deferred, status, why, host, reach);

    public static OutboundVerdict Never(string status, string why, string? host = null) => new(OutboundOutcome.Failed, status, why, host);

    public OutboundResult For(EmailAddress recipient) => new(recipient, Outcome, Status, Reply, RemoteMta, Reach);
}
