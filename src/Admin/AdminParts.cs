using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Directory;
using Posthorn.Dns;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>What the room is given by whoever puts the rooms together.</summary>
public sealed record AdminParts
{
    public required ServerFacts Facts { get; init; }

    public required MailDirectory Directory { get; init; }

    public required MailStore Store { get; init; }

    public required Queue Queue { get; init; }

    public required MailTrust Trust { get; init; }

    public required StageRules Rules { get; init; }

    public required MailRoutes Routes { get; init; }

    public required Suppressions Suppressions { get; init; }

    /// <summary>The traces of messages; null where none are kept.</summary>
    public Journey? Journey { get; init; }

    public required Resolver Resolver { get; init; }

    public required ReportBook Reports { get; init; }

    public required MailTls Tls { get; init; }

    /// <summary>The keys that the MX shows, the present one first, then one that is published before it is used.</summary>
    public Func<IReadOnlyList<PublicKey>> ServedKeys { get; init; } = static () => [];

    /// <summary>Reads every blob against its hash.</summary>
    public required BlobVerification VerifyBlobs { get; init; }

    /// <summary>What must hold before the server counts as ready, beside the answer of the database: <c>listeners</c>, <c>queue</c>.</summary>
    public IReadOnlyList<ReadinessCheck> Checks { get; init; } = [];

    /// <summary>Whether the world failed, and the same request may succeed later; the database's exceptions are not this room's to know.</summary>
    public Predicate<Exception> IsUnavailable { get; init; } = _ => false;

    public required TimeProvider Time { get; init; }

    public required ILoggerFactory Logs { get; init; }
}

/// <param name="progress">Told now and then: blobs read, blobs in all.</param>
public delegate Task<BlobFindings> BlobVerification(Action<long, long> progress, CancellationToken ct);

/// <param name="Findings">One sentence each; empty when every blob is what its name says.</param>
public sealed record BlobFindings(long Blobs, IReadOnlyList<string> Findings);

/// <param name="Name">One word, in lower case.</param>
public sealed record ReadinessCheck(string Name, Func<CancellationToken, ValueTask<bool>> HoldsAsync);
