using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Delivery;
using Posthorn.Dns;
using Posthorn.Trust;

namespace Posthorn.Server;

/// <summary>Delivery and the resolver, as the configuration has them.</summary>
internal static class Outbound
{
    private const int SubmissionPort = 587;
    private const int SubmissionsPort = 465;

    public static DeliverySettings Delivery(ServerConfig config) => new()
    {
        Hostname = config.Hostname,
        Port = config.DeliveryPort,
        Relay = RelayOf(config),
        MessageOctetsMax = config.MessageOctetsMax,
        RecipientsMax = config.RecipientsMax,
        SendsFailureReports = config.SendFailureReports,
        Milters = new MilterSettings { Milters = config.Milters, FailOpen = config.MilterFailOpen },
        Lifetime = TimeSpan.FromHours(config.LifetimeHours),
        DelayNoticeAfter = TimeSpan.FromHours(config.DelayNoticeHours),
    };

    /// <exception cref="CommandFailedException">The list of public suffixes, or the authorities for marks, cannot be read.</exception>
    public static TrustSettings Trust(ServerConfig config) => new()
    {
        Hostname = config.Hostname,
        ChecksLocalClients = config.LimitLoopback,
        TrustedSealers = config.TrustedSealers,
        Suffixes = config.PublicSuffixList is { } file ? Suffixes(file) : null,
        MarkAuthorities = config.MarkAuthoritiesFile is { } authorities ? Authorities(authorities) : null,
        Https = HttpsSettings.Beside(config.DeliveryPort),
        PublicAddress = PublicAddressOf(config),
    };

    private static Uri PublicAddressOf(ServerConfig config) =>
        new UriBuilder(Uri.UriSchemeHttps, config.Hostname.Ascii, config.Port(Ports.Https)).Uri;

    /// <exception cref="CommandFailedException">The password's file cannot be read, or is empty.</exception>
    public static Relay? RelayOf(ServerConfig config) => config.Relay is { } relay
        ? new Relay(
            relay.Host,
            relay.Port ?? (config.RelayImplicitTls ? SubmissionsPort : SubmissionPort),
            config.RelayImplicitTls,
            config.RelayLogin,
            Password(config.RelayPasswordFile))
        : null;

    /// <exception cref="CommandFailedException">The zone file cannot be read, or is none.</exception>
    public static Resolver OpenResolver(ServerConfig config, TimeProvider time, ILoggerFactory logs)
    {
        try
        {
            return Resolver.Open(new DnsSettings { ZoneFile = config.ZoneFile, Server = config.DnsServer }, time, logs);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new CommandFailedException($"the zone file cannot be used: {e.Message}", e);
        }
    }

    private static PublicSuffixes Suffixes(string file)
    {
        try
        {
            using var reader = new StreamReader(file);
            return PublicSuffixes.Read(reader);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"the list of public suffixes cannot be read: {e.Message}", e);
        }
    }

    private static X509Certificate2Collection Authorities(string file)
    {
        try
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPemFile(file);
            return authorities.Count > 0 ? authorities : throw new CommandFailedException($"{file} has no certificate");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CommandFailedException($"the authorities for marks cannot be read: {e.Message}", e);
        }
    }

    private static byte[] Password(string? file)
    {
        if (file is null) return [];
        try
        {
            using var reader = new StreamReader(file);
            return reader.ReadLine() is { Length: > 0 } password
                ? Encoding.UTF8.GetBytes(password)
                : throw new CommandFailedException($"the first line of {file} is empty: it should be the password for the relay");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"the password for the relay cannot be read: {e.Message}", e);
        }
    }
}
