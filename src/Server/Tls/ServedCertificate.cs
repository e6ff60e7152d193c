using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Posthorn.Server;

/// <summary>The certificate that every listener shows.</summary>
/// <remarks>It is replaced while the server runs; as long as it is not, TLS sessions are resumed.</remarks>
internal sealed class ServedCertificate
{
    /// <summary>A certificate of somebody else's that ends sooner is a warning.</summary>
    private static readonly TimeSpan WarnBefore = TimeSpan.FromDays(14);

    private readonly ServerConfig _config;
    private readonly SelfSigned? _selfSigned;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private Loaded _current;
    private (DateTime Certificate, DateTime Key) _read;

    private ServedCertificate(ServerConfig config, TimeProvider time, ILogger log)
    {
        (_config, _time, _log) = (config, time, log);
        if (config.Certificate == CertificateSource.SelfSigned) _selfSigned = new SelfSigned(DirectoryOf(config), config, time);
        _current = Load();
    }

    /// <summary>The first one to ask waits while the system's certificates are read for the chain.</summary>
    public SslStreamCertificateContext Current => Volatile.Read(ref _current).Context.Value;

    /// <summary>The key that is shown now; and the one in the file beside it that ends in <c>.next</c>, which will be.</summary>
    /// <remarks>A key must stand in the DNS before it is used (RFC 7671 §8.1), so the operator makes it and publishes it first.</remarks>
    public IReadOnlyList<PublicKey> Keys()
    {
        List<PublicKey> keys = [_current.Certificate.PublicKey];
        var next = (_config.KeyFile ?? Path.Combine(DirectoryOf(_config), SelfSigned.KeyFileName)) + ".next";
        if (!File.Exists(next)) return keys;
        try
        {
            keys.Add(KeyOf(File.ReadAllText(next)));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            Log.CertificateRefused(_log, $"{next} holds no key: {e.Message}");
        }
        return keys;
    }

    private static PublicKey KeyOf(string pem)
    {
        try
        {
            using var ecdsa = ECDsa.Create();
            ecdsa.ImportFromPem(pem);
            return new PublicKey(ecdsa);
        }
        catch (CryptographicException)
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return new PublicKey(rsa);
        }
    }

    /// <summary>Where certificates lie in the data directory.</summary>
    public static string DirectoryOf(ServerConfig config) => Path.Combine(config.Data, "tls");

    /// <exception cref="CommandFailedException">The files cannot be read, or are not a certificate and its key.</exception>
    public static ServedCertificate Open(ServerConfig config, TimeProvider time, ILogger log) => new(config, time, log);

    /// <summary>Looks for a newer certificate, or makes one when it is time. What goes wrong is logged, and the present one stays.</summary>
    public void Refresh()
    {
        try
        {
            if (_selfSigned is null && Stamps() == _read) return;
            var next = Load();
            if (next.Certificate.Thumbprint != _current.Certificate.Thumbprint) Volatile.Write(ref _current, next);
        }
        catch (CommandFailedException e)
        {
            Log.CertificateRefused(_log, e.Message);
        }
    }

    private Loaded Load() =>
        _selfSigned is null ? LoadFiles(_config.CertificateFile!, _config.KeyFile!) : LoadSelfSigned(_selfSigned);

    private Loaded LoadSelfSigned(SelfSigned selfSigned)
    {
        var (certificate, made) = selfSigned.Obtain();
        if (made) Log.CertificateMade(_log, _config.Hostname.Ascii, certificate.NotAfter);
        return new Loaded(certificate, null);
    }

    private Loaded LoadFiles(string certificateFile, string keyFile)
    {
        _read = Stamps();
        var chain = new X509Certificate2Collection();
        try
        {
            var certificate = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            chain.ImportFromPemFile(certificateFile);
            Log.CertificateRead(_log, certificateFile, certificate.NotAfter);
            if (certificate.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime < WarnBefore)
                Log.CertificateEnds(_log, certificateFile, certificate.NotAfter);
            return new Loaded(certificate, chain);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"{certificateFile} and {keyFile} cannot be used as certificate and key: {e.Message}", e);
        }
    }

    private (DateTime Certificate, DateTime Key) Stamps() =>
        (File.GetLastWriteTimeUtc(_config.CertificateFile!), File.GetLastWriteTimeUtc(_config.KeyFile!));

    private sealed record Loaded(X509Certificate2 Certificate, X509Certificate2Collection? Chain)
    {
        public Lazy<SslStreamCertificateContext> Context { get; } = new(() => SslStreamCertificateContext.Create(Certificate, Chain, offline: true));
    }
}
