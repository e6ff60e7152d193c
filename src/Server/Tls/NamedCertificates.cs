using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Posthorn.Server;

/// <summary>Certificates of further domains, each chosen by the name that the client asks for (RFC 6066 §3): every NAME.pem of a folder that has a
/// NAME.key beside it. Whom one is for is what stands in it, not what it is called.</summary>
/// <remarks>The folder is looked at every minute. A pair that cannot be used is logged once, and leaves what was there before.</remarks>
internal sealed class NamedCertificates(string? folder, ILogger log)
{
    private readonly Dictionary<string, Entry> _files = new(StringComparer.Ordinal); // by path; touched by one refresh at a time
    private Dictionary<string, SslStreamCertificateContext> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>None when no certificate is for this name; a wildcard stands for one label.</summary>
    public SslStreamCertificateContext? Find(string? name)
    {
        var names = Volatile.Read(ref _names);
        if (name is null || names.Count == 0) return null;
        if (names.TryGetValue(name, out var exact)) return exact;
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && names.TryGetValue("*" + name[dot..], out var wide) ? wide : null;
    }

    public void Refresh()
    {
        if (folder is null) return;
        var found = new HashSet<string>(StringComparer.Ordinal);
        var changed = false;
        foreach (var file in Files())
        {
            found.Add(file);
            var key = Path.ChangeExtension(file, ".key");
            var stamps = (File.GetLastWriteTimeUtc(file), File.GetLastWriteTimeUtc(key));
            if (_files.TryGetValue(file, out var known) && known.Stamps == stamps) continue;
            _files[file] = new Entry(stamps, Load(file, key) ?? known?.Certificate);
            changed = true;
        }
        foreach (var gone in _files.Keys.Where(file => !found.Contains(file)).ToList()) changed |= _files.Remove(gone);
        if (changed) Volatile.Write(ref _names, Names());
    }

    private string[] Files()
    {
        try
        {
            var pairs = System.IO.Directory.EnumerateFiles(folder!, "*.pem").Where(file => File.Exists(Path.ChangeExtension(file, ".key")));
            return [.. pairs.Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.CertificateRefused(log, $"{folder}: {e.Message}");
            return [.. _files.Keys];
        }
    }

    private Served? Load(string file, string key)
    {
        try
        {
            var certificate = X509Certificate2.CreateFromPemFile(file, key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(file);
            Log.CertificateRead(log, file, certificate.NotAfter);
            return new Served(
                certificate,
                SslStreamCertificateContext.Create(certificate, chain, offline: true),
                [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(names => names.EnumerateDnsNames())]);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            Log.CertificateRefused(log, $"{file}: {e.Message}");
            return null;
        }
    }

    private Dictionary<string, SslStreamCertificateContext> Names()
    {
        var names = new Dictionary<string, SslStreamCertificateContext>(StringComparer.OrdinalIgnoreCase);
        foreach (var (_, entry) in _files.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            foreach (var name in entry.Certificate?.Names ?? []) names[name] = entry.Certificate!.Context;
        }
        return names;
    }

    private sealed record Entry((DateTime Certificate, DateTime Key) Stamps, Served? Certificate);

    private sealed record Served(X509Certificate2 Certificate, SslStreamCertificateContext Context, string[] Names);
}
