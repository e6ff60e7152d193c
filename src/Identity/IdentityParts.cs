using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary>What the room is given by whoever puts the rooms together.</summary>
public sealed record IdentityParts
{
    public required ServerFacts Facts { get; init; }

    public required MailDirectory Directory { get; init; }

    /// <summary>Whether the world failed, and the same request may succeed later; the database's exceptions are not this room's to know.</summary>
    public Predicate<Exception> IsUnavailable { get; init; } = _ => false;

    public required TimeProvider Time { get; init; }

    public required ILoggerFactory Logs { get; init; }
}
