using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>The MTA-STS policies that this server publishes for its own domains (RFC 8461 §3.2).</summary>
public sealed class HostedSts(Database db)
{
    /// <summary>Nothing is refused by anybody until the operator has seen reports and asks for more.</summary>
    public const StsMode Default = StsMode.Testing;

    /// <summary>A week: long enough to be worth its while, short enough to move a domain away.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromDays(7);

    public ValueTask<StsMode> ModeOfAsync(Domain domain, CancellationToken ct = default) => db.ReadAsync(
        d => (StsMode)(d.Prepare("SELECT mode FROM sts_hosted WHERE domain = $1").Bind(domain.Ascii).Scalar() ?? (long)Default), ct);

    public async ValueTask SetAsync(Domain domain, StsMode mode, CancellationToken ct = default) => await db.WriteAsync(
        tx => tx.Prepare("INSERT INTO sts_hosted (domain, mode) VALUES ($1, $2) ON CONFLICT (domain) DO UPDATE SET mode = excluded.mode")
            .Bind(domain.Ascii).Bind((long)mode).Execute(),
        ct);

    /// <param name="host">The exchange of the domain.</param>
    public static StsPolicy PolicyOf(StsMode mode, Domain host) => new(mode, [host.Ascii], MaxAge);

    /// <summary>Another policy has another id; the same has the same on every node.</summary>
    public static string IdOf(StsPolicy policy) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(policy.ToString())))[..20];

    /// <summary>The value of the TXT record at <c>_mta-sts</c>.</summary>
    public static string RecordOf(StsPolicy policy) => $"v=STSv1; id={IdOf(policy)}";
}
