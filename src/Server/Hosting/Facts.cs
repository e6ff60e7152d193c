using Posthorn.Core;

namespace Posthorn.Server;

/// <summary>What pages and DNS records say about this server.</summary>
internal static class Facts
{
    public static ServerFacts Of(ServerConfig config) => new()
    {
        Hostname = config.Hostname,
        Version = Release.Version,
        HttpsPort = config.Port(Ports.Https),
        Services =
        [
            new ClientService(ClientProtocol.Imap, config.Port(Ports.Imaps), ConnectionSecurity.Tls),
            new ClientService(ClientProtocol.Imap, config.Port(Ports.Imap), ConnectionSecurity.StartTls),
            .. Pop3(config),
            new ClientService(ClientProtocol.Submission, config.Port(Ports.Submissions), ConnectionSecurity.Tls),
            new ClientService(ClientProtocol.Submission, config.Port(Ports.Submission), ConnectionSecurity.StartTls),
        ],
    };

    private static IReadOnlyList<ClientService> Pop3(ServerConfig config) => config.Pop3
        ?
        [
            new ClientService(ClientProtocol.Pop3, config.Port(Ports.Pop3s), ConnectionSecurity.Tls),
            new ClientService(ClientProtocol.Pop3, config.Port(Ports.Pop3), ConnectionSecurity.StartTls),
        ]
        : [];
}
