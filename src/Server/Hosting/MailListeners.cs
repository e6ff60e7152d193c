using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Imap;
using Posthorn.Pop3;
using Posthorn.Smtp;
using Posthorn.Wire;

namespace Posthorn.Server;

/// <summary>The listeners of the mail protocols: which speaker, on which port, in the clear or in TLS.</summary>
internal static class MailListeners
{
    public static IReadOnlyList<SpeakerListener> Make(
        ServerConfig config, Storage storage, Intake intake, TlsServer tls, TimeProvider time, ILoggerFactory logs)
    {
        var doors = new MaildropDoors(time);
        IReadOnlyList<SpeakerListener> pop3 = config.Pop3
            ?
            [
                Listener("pop3", Ports.Pop3, null, Pop3Server.Limits, Pop3Server.Busy, Pop3(tls).ServeAsync),
                Listener("pop3s", Ports.Pop3s, tls, Pop3Server.Limits, Pop3Server.Busy, Pop3(null).ServeAsync),
            ]
            : [];
        return
        [
            Listener("smtp", Ports.Smtp, null, SmtpServer.Limits, SmtpServer.Busy, Smtp(SmtpRole.Mx, tls).ServeAsync),
            Listener("submission", Ports.Submission, null, SmtpServer.Limits, SmtpServer.Busy, Smtp(SmtpRole.Submission, tls).ServeAsync),
            Listener("submissions", Ports.Submissions, tls, SmtpServer.Limits, SmtpServer.Busy, Smtp(SmtpRole.Submission, null).ServeAsync),
            Listener("imap", Ports.Imap, null, ImapServer.Limits, ImapServer.Busy, Imap(tls).ServeAsync),
            Listener("imaps", Ports.Imaps, tls, ImapServer.Limits, ImapServer.Busy, Imap(null).ServeAsync),
            .. pop3,
        ];

        SmtpServer Smtp(SmtpRole role, TlsServer? startTls) => new(
            new SmtpSettings
            {
                Hostname = config.Hostname,
                Role = role,
                MessageOctetsMax = config.MessageOctetsMax,
                RecipientsMax = config.RecipientsMax,
            },
            intake,
            storage.Directory.Authenticator,
            startTls,
            logs.CreateLogger<SmtpServer>());

        ImapServer Imap(TlsServer? startTls) => new(
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

        Pop3Server Pop3(TlsServer? startTls) => new(
            new Pop3Settings
            {
                View = config.Pop3View,
                LocksMaildrop = config.Pop3Locks,
                LoginDelay = TimeSpan.FromSeconds(config.Pop3LoginDelaySeconds),
            },
            storage.Store,
            storage.Directory.Authenticator,
            doors,
            startTls,
            logs.CreateLogger<Pop3Server>());

        SpeakerListener Listener(
            string name, int port, TlsServer? implicitTls, WireLimits limits, ReadOnlyMemory<byte> busy, Func<WireConnection, Task> serve) =>
            new(
                new SpeakerOptions
                {
                    Name = name,
                    EndPoints = Ports.EndPoints(config, port),
                    ImplicitTls = implicitTls,
                    Limits = limits,
                    Connections = ConnectionLimitsOf(config),
                    TrustedProxies = config.MailProxies,
                    Busy = busy,
                },
                serve,
                time,
                logs.CreateLogger<SpeakerListener>());
    }

    public static ConnectionLimits ConnectionLimitsOf(ServerConfig config) => new()
    {
        ConnectionsMax = config.ConnectionsMax,
        ConnectionsPerNetworkMax = config.ConnectionsPerNetworkMax,
        Exempt = config.LimitLoopback ? NetworkSet.Empty : NetworkSet.Loopback,
    };
}
