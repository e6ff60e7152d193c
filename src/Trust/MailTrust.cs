using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging;
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

    /// <summary>Who may vouch for marks of senders (BIMI); null when none are looked for.</summary>
    public X509Certificate2Collection? MarkAuthorities { get; init; }

    /// <summary>How their certificates are fetched.</summary>
    public HttpsSettings Https { get; init; } = new();

    /// <summary>Where mail programs reach this server's pages: an https address of its own name.</summary>
    public Uri? PublicAddress { get; init; }
}

/// <summary>The trust of one server: the door to its parts.</summary>
public sealed class MailTrust : IDisposable
{
    private readonly TrustSettings _settings;

    private readonly PolicyHttps? _https;

    private MailTrust(
        TrustSettings settings, MailVerifier verifier, SigningKeys keys, SenderRewriting rewriting, PolicyHttps? https, Indicators? indicators) =>
        (_settings, Verifier, Keys, Rewriting, _https, Indicators) = (settings, verifier, keys, rewriting, https, indicators);

    /// <summary>The tables; with those of the vault.</summary>
    public static Schema Schema => TrustSchema.Schema;

    /// <summary>What this room keeps in the vault.</summary>
    public static IReadOnlyList<SealedColumn> SealedColumns => [SigningKeys.Column, SenderRewriting.Column];

    public MailVerifier Verifier { get; }

    public SigningKeys Keys { get; }

    public SenderRewriting Rewriting { get; }

    /// <summary>Marks of senders; null when none are looked for.</summary>
    public Indicators? Indicators { get; }

    /// <summary>The name under which verdicts are written down.</summary>
    public string ServId => _settings.Hostname.Ascii;

    public static async Task<MailTrust> OpenAsync(
        TrustSettings settings, Database db, Vault vault, SigningKeys keys, Resolver resolver, TimeProvider time, ILoggerFactory logs,
        CancellationToken ct)
    {
        var rewriting = await SenderRewriting.OpenAsync(db, vault, time, ct);
        var https = settings.MarkAuthorities is null ? null : new PolicyHttps(settings.Https, resolver);
        var indicators = https is null ? null : new Indicators(
            db, (address, stop) => https.GetAsync(address, TrustLimits.MarkFileOctetsMax, stop), settings.MarkAuthorities!, time,
            logs.CreateLogger("Posthorn.Trust"));
        var verifier = new MailVerifier(resolver, settings.Hostname.Ascii, time, settings.Suffixes, indicators);
        return new MailTrust(settings, verifier, keys, rewriting, https, indicators);
    }

    /// <summary>The field that tells mail programs where they find the mark of a message's author, with its line end; empty without a mark.</summary>
    /// <remarks>draft-brand-indicators-for-message-identification §7.9. The image is our copy: <see cref="Indicators.ImageAsync"/>.</remarks>
    public byte[] MarkField(MailVerdicts verdicts) => verdicts.Bimi?.Indicator is { } mark && _settings.PublicAddress is { } address
        ? Encoding.ASCII.GetBytes($"BIMI-Location: v=BIMI1;\r\n\tl={new Uri(address, Indicators.PathOf(mark.Id))};\r\n\ta={mark.Authority}\r\n") : [];

    /// <summary>Whether mail of this client is checked: not that of this machine and of private networks, whose names nobody publishes.</summary>
    public bool Checks(IPAddress? client) => client is not null && (_settings.ChecksLocalClients || !IsPrivate(client.Unmapped()));

    /// <summary>Whether a chain of sealers that are trusted says that the author's domain was proven before they changed the message.</summary>
    public bool IsVouchedFor(MailVerdicts verdicts) =>
        verdicts.Arc is { Result: AuthResult.Pass } arc && arc.Seals.All(IsTrusted)
        && arc.Seals.Any(static seal => seal.Results.Contains("dmarc=pass", StringComparison.OrdinalIgnoreCase));

    public void Dispose()
    {
        Rewriting.Dispose();
        _https?.Dispose();
    }

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
