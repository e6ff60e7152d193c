using System.Net;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>What is done with mail that leaves. The numbers are stored.</summary>
public enum RouteAction
{
    /// <summary>To the exchanges of the recipient's domain.</summary>
    Direct = 0,

    /// <summary>To a named server, which passes it on.</summary>
    Relay = 1,

    /// <summary>To a named server that keeps it (RFC 2033).</summary>
    Lmtp = 2,

    /// <summary>Into a mailbox here, whoever it was for.</summary>
    Local = 3,

    /// <summary>Back to the sender.</summary>
    Fail = 4,

    /// <summary>It waits until an operator releases it.</summary>
    Hold = 5,
}

/// <summary>Which mail a route is for; what is not set does not matter.</summary>
public sealed record RouteMatch
{
    /// <summary><c>example.org</c>, or <c>*.example.org</c> for what lies below.</summary>
    public string? RecipientDomain { get; init; }

    /// <summary>Of the reverse-path, in the same forms.</summary>
    public string? SenderDomain { get; init; }

    /// <summary>Who submitted it.</summary>
    public AccountId? SenderAccount { get; init; }

    /// <summary>Octets.</summary>
    public long? SizeMin { get; init; }

    /// <summary>The name of a field of the header.</summary>
    public string? Header { get; init; }

    /// <summary>What stands in it, in any case; null when it only has to be there.</summary>
    public string? HeaderText { get; init; }
}

/// <summary>One rule. The first that matches decides; where none does, mail goes to the configured relay or direct.</summary>
public sealed record MailRoute
{
    /// <summary>Never used again.</summary>
    public long Id { get; init; }

    /// <summary>The order; equal ones in that of their ids.</summary>
    public int Position { get; init; }

    public RouteMatch Match { get; init; } = new();

    public RouteAction Action { get; init; }

    /// <summary>Of <see cref="RouteAction.Relay"/> and <see cref="RouteAction.Lmtp"/>: a name or an address.</summary>
    public string? Host { get; init; }

    public int Port { get; init; }

    public HopSecurity Security { get; init; }

    public string? Login { get; init; }

    /// <summary>Addresses to connect from; of several of one family each is used in its turn.</summary>
    public IReadOnlyList<IPAddress> Sources { get; init; } = [];

    /// <summary>A SOCKS 5 proxy to connect through.</summary>
    public IPEndPoint? Socks { get; init; }

    /// <summary>Of <see cref="RouteAction.Local"/>.</summary>
    public EmailAddress? Mailbox { get; init; }

    /// <summary>Of <see cref="RouteAction.Fail"/>: what the sender reads.</summary>
    public string? Text { get; init; }

    /// <summary>How long it is tried, when not as long as everything else.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>The time after each attempt, when not as usual; the last one repeats.</summary>
    public IReadOnlyList<TimeSpan> Retry { get; init; } = [];
}

/// <summary>A message as the routes look at it.</summary>
/// <param name="Head">Its beginning; empty when it is not at hand, and then no route matches by its header.</param>
internal readonly record struct RoutedMail(ReversePath From, AccountId? Submitter, long Size, ReadOnlyMemory<byte> Head);
