using System.Globalization;
using System.Security;
using System.Security.Cryptography;
using System.Text;
using System.Xml;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;

namespace Posthorn.Admin;

/// <summary>
/// What mail programs ask to set themselves up: Thunderbird and its kin by autoconfig, Outlook by autodiscover, Apple's by a profile. Everything but
/// the password, and only for domains of this server; whether an address exists is not told.
/// </summary>
internal sealed class ClientSetup(AdminParts parts)
{
    /// <summary>Octets of a question of autodiscover.</summary>
    public const int QuestionOctetsMax = 8 * 1024;

    private const string AutoconfigLabel = "autoconfig.";
    private const string AutodiscoverPath = "/autodiscover/autodiscover.xml";
    private const string ProfilePath = "/mail/apple.mobileconfig";
    private const string AddressParameter = "emailaddress";
    private const string OutlookSettings = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

    // Asked in the clear too, as these programs do: nothing here is a secret.
    private static readonly string[] AutoconfigPaths = ["/.well-known/autoconfig/mail/config-v1.1.xml", "/mail/config-v1.1.xml"];

    /// <summary>Whether the request is one of these; Outlook's path is compared without regard to case.</summary>
    public static bool Takes(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (HttpMethods.IsPost(context.Request.Method)) return IsAutodiscover(path);
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method)) return false;
        return AutoconfigPaths.Contains(path, StringComparer.Ordinal) || path == ProfilePath;
    }

    public async Task ServeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (IsAutodiscover(path))
        {
            var asked = await QuestionAsync(context);
            if (asked is null || !await IsHostedAsync(asked.Domain, context.RequestAborted)) await Replies.RefuseAsync(context, Replies.NotHere);
            else await WriteAsync(context, Autodiscover(asked), "application/xml; charset=utf-8");
            return;
        }
        var address = EmailAddress.TryParse(context.Request.Query[AddressParameter].ToString(), out var parsed) ? parsed : null;
        var domain = address?.Domain ?? DomainOf(context.Request.Host.Host);
        if (domain is null || !await IsHostedAsync(domain, context.RequestAborted)) await Replies.RefuseAsync(context, Replies.NotHere);
        else if (path != ProfilePath) await WriteAsync(context, Autoconfig(domain), "application/xml; charset=utf-8");
        else if (address is null) await Replies.ProblemAsync(context, StatusCodes.Status400BadRequest, "this needs emailaddress=…", "invalid");
        else await WriteAsync(context, Profile(address), "application/x-apple-aspen-config");
    }

    private static bool IsAutodiscover(string path) => path.Equals(AutodiscoverPath, StringComparison.OrdinalIgnoreCase);

    private static Domain? DomainOf(string host)
    {
        if (host.StartsWith(AutoconfigLabel, StringComparison.OrdinalIgnoreCase)) host = host[AutoconfigLabel.Length..];
        return Domain.TryParse(host, out var domain) ? domain : null;
    }

    private async ValueTask<bool> IsHostedAsync(Domain domain, CancellationToken ct) =>
        await parts.Directory.Domains.FindAsync(domain, ct) is { DisabledAt: null };

    private static Task WriteAsync(HttpContext context, string text, string type) => Replies.WriteAsync(context, Encoding.UTF8.GetBytes(text), type);

    // [MS-OXDSCLI] §3.1.5.1: <EMailAddress> within <Request>.
    private static async Task<EmailAddress?> QuestionAsync(HttpContext context)
    {
        var body = new byte[QuestionOctetsMax + 1];
        var length = await context.Request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, context.RequestAborted);
        return length > QuestionOctetsMax ? null : AddressIn(body.AsSpan(0, length).ToArray());
    }

    private static EmailAddress? AddressIn(byte[] question)
    {
        try
        {
            using var stream = new MemoryStream(question, writable: false);
            using var xml = XmlReader.Create(stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            while (xml.Read())
            {
                if (xml is not { NodeType: XmlNodeType.Element, LocalName: "EMailAddress" }) continue;
                return EmailAddress.TryParse(xml.ReadElementContentAsString().Trim(), out var address) ? address : null;
            }
        }
        catch (XmlException)
        {
            // It is no question then.
        }
        return null;
    }

    // The form that the Thunderbird project describes as ConfigFileFormat.
    private string Autoconfig(Domain domain)
    {
        var text = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n");
        text.Append(CultureInfo.InvariantCulture, $"  <emailProvider id=\"{Xml(domain.Ascii)}\">\n    <domain>{Xml(domain.Ascii)}</domain>\n");
        text.Append(CultureInfo.InvariantCulture, $"    <displayName>{Xml(domain.Unicode)}</displayName>\n");
        text.Append(CultureInfo.InvariantCulture, $"    <displayShortName>{Xml(domain.Unicode)}</displayShortName>\n");
        foreach (var service in parts.Facts.Services)
        {
            var (element, type) = service.Protocol switch
            {
                ClientProtocol.Imap => ("incomingServer", "imap"),
                ClientProtocol.Pop3 => ("incomingServer", "pop3"),
                _ => ("outgoingServer", "smtp"),
            };
            text.Append(CultureInfo.InvariantCulture, $"""
                    <{element} type="{type}">
                      <hostname>{Xml(parts.Facts.Hostname.Ascii)}</hostname>
                      <port>{service.Port}</port>
                      <socketType>{(service.Security == ConnectionSecurity.Tls ? "SSL" : "STARTTLS")}</socketType>
                      <authentication>password-cleartext</authentication>
                      <username>%EMAILADDRESS%</username>
                    </{element}>

                """);
        }
        return text.Append("  </emailProvider>\n</clientConfig>\n").ToString();
    }

    // [MS-OXDSCLI] §2.2.4
    private string Autodiscover(EmailAddress address)
    {
        var text = new StringBuilder("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
        text.Append("<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n");
        text.Append(CultureInfo.InvariantCulture, $"  <Response xmlns=\"{OutlookSettings}\">\n    <Account>\n");
        text.Append("      <AccountType>email</AccountType>\n      <Action>settings</Action>\n");
        foreach (var service in parts.Facts.Services)
        {
            var type = service.Protocol switch
            {
                ClientProtocol.Imap => "IMAP",
                ClientProtocol.Pop3 => "POP3",
                _ => "SMTP",
            };
            var tls = service.Security == ConnectionSecurity.Tls;
            text.Append(CultureInfo.InvariantCulture, $"""
                      <Protocol>
                        <Type>{type}</Type>
                        <Server>{Xml(parts.Facts.Hostname.Ascii)}</Server>
                        <Port>{service.Port}</Port>
                        <LoginName>{Xml(address.ToString())}</LoginName>
                        <SPA>off</SPA>
                        <SSL>{(tls ? "on" : "off")}</SSL>
                        <Encryption>{(tls ? "SSL" : "TLS")}</Encryption>
                        <AuthRequired>on</AuthRequired>
                      </Protocol>

                """);
        }
        return text.Append("    </Account>\n  </Response>\n</Autodiscover>\n").ToString();
    }

    // Apple's com.apple.mail.managed: the password is asked for when it is installed.
    private string Profile(EmailAddress address)
    {
        var (host, name) = (Xml(parts.Facts.Hostname.Ascii), Xml(address.ToString()));
        return $"""
            <?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
            <plist version="1.0">
            <dict>
              <key>PayloadContent</key>
              <array>
                <dict>
                  <key>PayloadType</key><string>com.apple.mail.managed</string>
                  <key>PayloadVersion</key><integer>1</integer>
                  <key>PayloadIdentifier</key><string>{host}.mail</string>
                  <key>PayloadUUID</key><string>{NumberOf("mail", address)}</string>
                  <key>PayloadDisplayName</key><string>{name}</string>
                  <key>EmailAccountType</key><string>EmailTypeIMAP</string>
                  <key>EmailAccountDescription</key><string>{name}</string>
                  <key>EmailAddress</key><string>{name}</string>
                  <key>IncomingMailServerAuthentication</key><string>EmailAuthPassword</string>
                  <key>IncomingMailServerHostName</key><string>{host}</string>
                  <key>IncomingMailServerPortNumber</key><integer>{BestPort(ClientProtocol.Imap)}</integer>
                  <key>IncomingMailServerUseSSL</key><true/>
                  <key>IncomingMailServerUsername</key><string>{name}</string>
                  <key>OutgoingMailServerAuthentication</key><string>EmailAuthPassword</string>
                  <key>OutgoingMailServerHostName</key><string>{host}</string>
                  <key>OutgoingMailServerPortNumber</key><integer>{BestPort(ClientProtocol.Submission)}</integer>
                  <key>OutgoingMailServerUseSSL</key><true/>
                  <key>OutgoingMailServerUsername</key><string>{name}</string>
                  <key>OutgoingPasswordSameAsIncomingPassword</key><true/>
                </dict>
              </array>
              <key>PayloadType</key><string>Configuration</string>
              <key>PayloadVersion</key><integer>1</integer>
              <key>PayloadIdentifier</key><string>{host}</string>
              <key>PayloadUUID</key><string>{NumberOf("profile", address)}</string>
              <key>PayloadDisplayName</key><string>Mail of {Xml(address.Domain.Unicode)}</string>
            </dict>
            </plist>

            """;
    }

    private string BestPort(ClientProtocol protocol) => parts.Facts.Services.Where(service => service.Protocol == protocol)
        .MinBy(static service => service.Security)!.Port.ToString(CultureInfo.InvariantCulture);

    // The same for the same account, so that a profile that is installed again takes the place of the old one.
    private string NumberOf(string kind, EmailAddress address)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{kind} {parts.Facts.Hostname.Ascii} {address.Key}"));
        return new Guid(hash.AsSpan(0, 16)).ToString("D", CultureInfo.InvariantCulture).ToUpperInvariant();
    }

    private static string Xml(string text) => SecurityElement.Escape(text);
}
