using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

[assembly: SupportedOSPlatform("linux")]

namespace Posthorn.Server.Tests;

/// <summary>A data directory and a range of free ports of 127.0.0.1 for one test.</summary>
internal sealed class TestPlace : IDisposable
{
    private static int _next = 20_000 + (Environment.ProcessId % 100 * 200);

    public string Data { get; } = System.IO.Directory.CreateTempSubdirectory("posthorn-").FullName;

    public int Offset { get; } = FreeOffset();

    public Installation Installation => new()
    {
        Directory = Data,
        Hostname = Core.Domain.Parse("mail.example.test"),
        Domain = Core.Domain.Parse("example.test"),
        Admin = Core.EmailAddress.Parse("admin@example.test"),
        PortOffset = Offset,
        Addresses = [IPAddress.Loopback],
    };

    /// <summary>Sets the server up as init does.</summary>
    public async Task<ServerConfig> InstallAsync() => (await Installation.CompleteAsync(TimeProvider.System, CancellationToken.None)).Config;

    public void Dispose() => System.IO.Directory.Delete(Data, recursive: true);

    private static int FreeOffset()
    {
        int[] services = [Ports.Smtp, Ports.Http, Ports.Imap, Ports.Https, Ports.Submissions, Ports.Submission, Ports.Imaps];
        while (true)
        {
            var offset = Interlocked.Add(ref _next, 7);
            if (services.All(port => IsFree(offset + port))) return offset;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
