using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Imap;
using Posthorn.Pop3;
using Posthorn.Smtp;
using Posthorn.Wire;

namespace Posthorn.Server;

/// <summary>The listeners of the mail protocols: which speaker, on which port, in the clear or in TLS.</summary>
internal sealed class MailListeners(ServerConfig config, Storage storage, Intake intake, TimeProvider time, ILoggerFactory logs)
{
    private readonly MaildropDoors _doors = new(time);

    public IReadOnlyList<SpeakerListener> Make(Func<string?, SslStreamCertificateContext?> certificates)
    {
        // Servers are not asked for a certificate: some of them would not come.
        var (tls, mx) = (new TlsServer(certificates, AuthoritiesOf(config)), new TlsServer(certificates));
        List<SpeakerListener> listeners =
        [
            Listener("smtp", Ports.Smtp, null, SmtpServer.Limits, SmtpServer.Busy, Smtp(SmtpRole.Mx, mx).ServeAsync),
            Listener("submission", Ports.Submission, null, SmtpServer.Limits, SmtpServer.Busy, Smtp(SmtpRole.Submission, tls).ServeAsync),
            Listener("submissions", Ports.Submissions, tls, SmtpServer.Limits, SmtpServer.Busy, Smtp(SmtpRole.Submission, null).ServeAsync),
            Listener("imap", Ports.Imap, null, ImapServer.Limits, ImapServer.Busy, Imap(tls).ServeAsync),
            Listener("imaps", Ports.Imaps, tls, ImapServer.Limits, ImapServer.Busy, Imap(null).ServeAsync),
        ];
        if (config.Pop3)
        {
            listeners.Add(Listener("pop3", Ports.Pop3, null, Pop3Server.Limits, Pop3Server.Busy, Pop3(tls).ServeAsync));
            listeners.Add(Listener("pop3s", Ports.Pop3s, tls, Pop3Server.Limits, Pop3Server.Busy, Pop3(null).ServeAsync));
        }
        if (config.Lmtp)
        {
            var (endPoints, lmtp) = (Ports.LmtpEndPoints(config), Smtp(SmtpRole.Lmtp, mx));
            listeners.Add(Listener("lmtp", endPoints, null, SmtpServer.Limits, SmtpServer.Busy, lmtp.ServeAsync));
        }
        return listeners;
    }

    public static ConnectionLimits ConnectionLimitsOf(ServerConfig config) => new()
    {
        ConnectionsMax = config.ConnectionsMax,
        ConnectionsPerNetworkMax = config.ConnectionsPerNetworkMax,
        ConnectionsPerWideNetworkMax = config.ConnectionsPerWideNetworkMax,
        Exempt = config.LimitLoopback ? NetworkSet.Empty : NetworkSet.Loopback,
    };

    private SmtpServer Smtp(SmtpRole role, TlsServer? startTls) => new(
        new SmtpSettings
        {
            Hostname = config.Hostname,
            Role = role,
            MessageOctetsMax = config.MessageOctetsMax,
            RecipientsMax = config.RecipientsMax,
            TextLineOctetsMax = config.StrictLines ? 1000 : SmtpSettings.TextLineOctetsDefault,
            Verifies = config.SmtpVerifies,
            TarpitStep = config.Tarpit ? TimeSpan.FromSeconds(1) : TimeSpan.Zero,
            GreetingPause = role == SmtpRole.Mx ? TimeSpan.FromMilliseconds(config.GreetingPauseMilliseconds) : TimeSpan.Zero,
            Greylists = config.Greylists,
            XclientNetworks = config.XclientNetworks,
            SparesLoopback = !config.LimitLoopback,
            Banner = role == SmtpRole.Lmtp ? "LMTP Posthorn" : "ESMTP Posthorn",
        },
        intake,
        storage.Directory,
        startTls,
        logs.CreateLogger<SmtpServer>());

    private ImapServer Imap(TlsServer? startTls) => new(
        new ImapSettings
        {
            MessageOctetsMax = config.MessageOctetsMax,
            Hostname = config.Hostname.Ascii,
            CapabilitiesOff = config.ImapCapabilitiesOff,
            LiteralMinus = config.ImapLiteralMinus,
            Version = Release.Version,
        },
        storage.Store,
        storage.Directory,
        startTls,
        logs.CreateLogger<ImapServer>());

    private Pop3Server Pop3(TlsServer? startTls) => new(
        new Pop3Settings
        {
            View = config.Pop3View,
            LocksMaildrop = config.Pop3Locks,
            LoginDelay = TimeSpan.FromSeconds(config.Pop3LoginDelaySeconds),
        },
        storage.Store,
        storage.Directory.Authenticator,
        _doors,
        startTls,
        logs.CreateLogger<Pop3Server>());

    private SpeakerListener Listener(
        string name, int port, TlsServer? implicitTls, WireLimits limits, ReadOnlyMemory<byte> busy, Func<WireConnection, Task> serve) =>
        Listener(name, Ports.EndPoints(config, port), implicitTls, limits, busy, serve);

    private SpeakerListener Listener(
        string name, IReadOnlyList<IPEndPoint> endPoints, TlsServer? implicitTls, WireLimits limits, ReadOnlyMemory<byte> busy,
        Func<WireConnection, Task> serve) =>
        new(
            new SpeakerOptions
            {
                Name = name,
                EndPoints = endPoints,
                ImplicitTls = implicitTls,
                Limits = limits,
                Connections = ConnectionLimitsOf(config),
                TrustedProxies = config.MailProxies,
                IsBanned = storage.Directory.Bans.Covers,
                Busy = busy,
            },
            serve,
            time,
            logs.CreateLogger<SpeakerListener>());

    private static X509Certificate2Collection? AuthoritiesOf(ServerConfig config)
    {
        if (config.ClientAuthoritiesFile is not { } file) return null;
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"{file} holds no certificates: {e.Message}", e);
        }
        return authorities.Count > 0 ? authorities : throw new CommandFailedException($"{file} holds no certificate");
    }
}
