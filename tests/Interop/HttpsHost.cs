using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Posthorn.Interop;

/// <summary>The web server of a remote domain: files over HTTPS on loopback, with a certificate of its own.</summary>
public sealed class HttpsHost : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, (string Type, string Content)> _files = new(StringComparer.Ordinal);
    private readonly Task _serving;
    private int _served;

    public HttpsHost(string name, int port)
    {
        Certificate = Make(name);
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _serving = ServeAsync();
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>How many files it has handed out.</summary>
    public int Served => Volatile.Read(ref _served);

    public void Publish(string path, string type, string content) => _files[path] = (type, content);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _serving;
        Certificate.Dispose();
        _stop.Dispose();
    }

    private static X509Certificate2 Make(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await using var secure = new SslStream(client.GetStream());
                await secure.AuthenticateAsServerAsync(Certificate);
                var request = new byte[8192];
                int length = await secure.ReadAtLeastAsync(request, 1, throwOnEndOfStream: false, _stop.Token);
                await secure.WriteAsync(Encoding.ASCII.GetBytes(Answer(Encoding.ASCII.GetString(request, 0, length))), _stop.Token);
            }
            catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException or SocketException
                or ObjectDisposedException)
            {
                // The client or the test has ended.
            }
        }
    }

    private string Answer(string request)
    {
        if (request.Split(' ') is not ["GET", var path, ..] || !_files.TryGetValue(path, out var file))
        {
            return "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        }
        Interlocked.Increment(ref _served);
        return $"HTTP/1.1 200 OK\r\nContent-Type: {file.Type}\r\nConnection: close\r\nContent-Length: {file.Content.Length}\r\n\r\n{file.Content}";
    }
}
