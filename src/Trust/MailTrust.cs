using System.Net;
using System.Net.Sockets;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>What the operator decides about trust.</summary>
public sealed record TrustSettings
{
    /// <summary>The name of this host, under which verdicts are written down (RFC 8601 §2.5).</summary>
    public required Domain Hostname { get; init; }

    /// <summary>For DMARC by the rules of RFC 7489; null for those of RFC 9989.</summary>
    public PublicSuffixes? Suffixes { get; init; }

    /// <summary>Whether clients on this machine and in private networks are checked like everybody else.</summary>
    public bool ChecksLocalClients { get; init; }

    /// <summary>Whose ARC seals count when DMARC fails.</summary>
    public IReadOnlyList<Domain> TrustedSealers { get; init; } = [];
}

/// <summary>The trust of one server: the door to its parts.</summary>
public sealed class MailTrust : IDisposable
{
    private readonly TrustSettings _settings;

    private MailTrust(TrustSettings settings, MailVerifier verifier, SigningKeys keys, SenderRewriting rewriting) =>
        (_settings, Verifier, Keys, Rewriting) = (settings, verifier, keys, rewriting);

    /// <summary>The tables; with those of the vault.</summary>
    public static Schema Schema => TrustSchema.Schema;

    /// <summary>What this room keeps in the vault.</summary>
    public static IReadOnlyList<SealedColumn> SealedColumns => [SigningKeys.Column, SenderRewriting.Column];

    public MailVerifier Verifier { get; }

    public SigningKeys Keys { get; }

    public SenderRewriting Rewriting { get; }

    /// <summary>The name under which verdicts are written down.</summary>
    public string ServId => _settings.Hostname.Ascii;

    public static async Task<MailTrust> OpenAsync(
        TrustSettings settings, Database db, Vault vault, SigningKeys keys, Resolver resolver, TimeProvider time, CancellationToken ct)
    {
        var rewriting = await SenderRewriting.OpenAsync(db, vault, time, ct);
        var verifier = new MailVerifier(resolver, settings.Hostname.Ascii, time, settings.Suffixes);
        return new MailTrust(settings, verifier, keys, rewriting);
    }

    /// <summary>Whether mail of this client is checked: not that of this machine and of private networks, whose names nobody publishes.</summary>
    public bool Checks(IPAddress? client) => client is not null && (_settings.ChecksLocalClients || !IsPrivate(client.Unmapped()));

    /// <summary>Whether a chain of sealers that are trusted says that the author's domain was proven before they changed the message.</summary>
    public bool IsVouchedFor(MailVerdicts verdicts) =>
        verdicts.Arc is { Result: AuthResult.Pass } arc && arc.Seals.All(IsTrusted)
        && arc.Seals.Any(static seal => seal.Results.Contains("dmarc=pass", StringComparison.OrdinalIgnoreCase));

    public void Dispose() => Rewriting.Dispose();

    private bool IsTrusted(ArcSeal seal) =>
        _settings.TrustedSealers.Any(domain => SpfExpansion.IsWithin(seal.Domain, domain.Ascii));

    // RFC 1918, RFC 4193, RFC 3927, RFC 4291 §2.5.6, RFC 6598.
    private static bool IsPrivate(IPAddress client)
    {
        if (IPAddress.IsLoopback(client) || client.IsIPv6LinkLocal || client.IsIPv6UniqueLocal) return true;
        if (client.AddressFamily != AddressFamily.InterNetwork) return false;
        Span<byte> octets = stackalloc byte[4];
        client.TryWriteBytes(octets, out _);
        return octets is [10, ..] or [192, 168, ..] or [169, 254, ..] || (octets[0] == 172 && octets[1] is >= 16 and < 32)
            || (octets[0] == 100 && octets[1] is >= 64 and < 128);
    }
}
