using Microsoft.Extensions.Logging;
using Posthorn.Directory;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>What this room needs of the others.</summary>
public sealed record JmapParts
{
    public required MailStore Store { get; init; }

    public required MailDirectory Directory { get; init; }

    /// <summary>Whether a failure means that the database cannot be had at the moment.</summary>
    public required Func<Exception, bool> IsUnavailable { get; init; }

    public required TimeProvider Time { get; init; }

    public required ILogger Log { get; init; }

    /// <summary>The right side of message ids that this server makes.</summary>
    public required string Hostname { get; init; }
}
