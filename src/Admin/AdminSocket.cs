using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Posthorn.Core;

namespace Posthorn.Admin;

/// <summary>The Unix socket in the data directory: who may open the file administers the server.</summary>
/// <remarks>Its connections carry this feature, and no others do; nothing that a client sends can set it.</remarks>
public sealed class AdminSocket
{
    public const string FileName = "admin.sock";

    /// <summary>The longest path that the system takes, in octets: unix(7), sun_path less its zero.</summary>
    public const int PathOctetsMax = 107;

    private AdminSocket(int? user) => User = user;

    /// <summary>The user id of the process at the other end, for the log.</summary>
    internal int? User { get; }

    /// <summary>Adds the socket to the server's endpoints.</summary>
    /// <exception cref="RefusalException">The path is longer than the system allows.</exception>
    public static void BindTo(KestrelServerOptions server, string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > PathOctetsMax)
        {
            throw new RefusalException(new Refusal(
                RefusalKind.Invalid, $"the path of the admin socket, {path}, is longer than the {PathOctetsMax} octets that a socket may have"));
        }
        server.ListenUnixSocket(path, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection =>
            {
                connection.Features.Set(new AdminSocket(UserOf(connection)));
                return next(connection);
            });
        });
    }

    /// <summary>Lets Kestrel open the socket so that no moment passes in which others could connect.</summary>
    public static void Tune(SocketTransportOptions transport)
    {
        transport.CreateBoundListenSocket = endPoint =>
        {
            if (endPoint is not UnixDomainSocketEndPoint unix) return SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
            // One left behind by a process that was killed; that no other process uses this data directory is the database's to know.
            var path = unix.ToString()!;
            File.Delete(path);
            var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
            // Bound and not yet listening: nobody can have connected.
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return socket;
        };
    }

    internal static AdminSocket? Of(HttpContext context) => context.Features.Get<AdminSocket>();

    // unix(7) SO_PEERCRED: pid, uid and gid, each of 4 octets.
    private static int? UserOf(ConnectionContext connection)
    {
        const int SolSocket = 1;
        const int SoPeerCred = 17;
        if (!OperatingSystem.IsLinux() || connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket) return null;
        Span<byte> credentials = stackalloc byte[12];
        var length = socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials);
        return length == credentials.Length ? MemoryMarshal.Read<int>(credentials[4..]) : null;
    }
}
