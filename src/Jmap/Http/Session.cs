using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Posthorn.Directory;

namespace Posthorn.Jmap;

/// <summary>The session object (RFC 8620 §2).</summary>
internal static class Session
{
    /// <summary>Counts what the object says beside the account: another number whenever a release changes its capabilities.</summary>
    private const int Edition = 1;

    public static IReadOnlyList<string> Capabilities { get; } = [Jmap.Capabilities.Core, Jmap.Capabilities.Mail];

    /// <summary>Another string whenever the object would say something else; the same on every node.</summary>
    public static string StateOf(Identity identity)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{Edition} {identity.Account} {identity.Address}"), hash);
        return Convert.ToHexStringLower(hash[..8]);
    }

    public static void Write(Utf8JsonWriter json, Identity identity, string origin)
    {
        var account = AccountIds.Of(identity.Account);
        json.WriteStartObject();
        json.WriteStartObject("capabilities"u8);
        WriteCore(json);
        json.WriteStartObject(Jmap.Capabilities.Mail);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("accounts"u8);
        json.WriteStartObject(account);
        json.WriteString("name"u8, identity.Address.ToString());
        json.WriteBoolean("isPersonal"u8, true);
        json.WriteBoolean("isReadOnly"u8, false);
        json.WriteStartObject("accountCapabilities"u8);
        json.WriteStartObject(Jmap.Capabilities.Core);
        json.WriteEndObject();
        WriteMail(json);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("primaryAccounts"u8);
        json.WriteString(Jmap.Capabilities.Core, account);
        json.WriteString(Jmap.Capabilities.Mail, account);
        json.WriteEndObject();
        json.WriteString("username"u8, identity.Address.ToString());
        json.WriteString("apiUrl"u8, origin + JmapHost.ApiPath);
        json.WriteString("downloadUrl"u8, origin + JmapHost.DownloadPath + "/{accountId}/{blobId}/{name}?accept={type}");
        json.WriteString("uploadUrl"u8, origin + JmapHost.UploadPath + "/{accountId}/");
        json.WriteString("eventSourceUrl"u8, origin + JmapHost.EventSourcePath + "?types={types}&closeafter={closeafter}&ping={ping}");
        json.WriteString("state"u8, StateOf(identity));
        json.WriteEndObject();
    }

    /// <summary>Where clients reach this server: what they asked for, or what a trusted proxy says that they asked for.</summary>
    public static string OriginOf(HttpContext context) => context.Request.Scheme + "://" + context.Request.Host.ToUriComponent();

    private static void WriteCore(Utf8JsonWriter json)
    {
        json.WriteStartObject(Jmap.Capabilities.Core);
        json.WriteNumber("maxSizeUpload"u8, JmapLimits.UploadOctetsMax);
        json.WriteNumber("maxConcurrentUpload"u8, JmapLimits.ConcurrentUploadsMax);
        json.WriteNumber("maxSizeRequest"u8, JmapLimits.RequestOctetsMax);
        json.WriteNumber("maxConcurrentRequests"u8, JmapLimits.ConcurrentRequestsMax);
        json.WriteNumber("maxCallsInRequest"u8, JmapLimits.CallsMax);
        json.WriteNumber("maxObjectsInGet"u8, JmapLimits.GetObjectsMax);
        json.WriteNumber("maxObjectsInSet"u8, JmapLimits.SetObjectsMax);
        json.WriteStartArray("collationAlgorithms"u8); // RFC 4790
        json.WriteStringValue("i;ascii-casemap"u8);
        json.WriteStringValue("i;unicode-casemap"u8);
        json.WriteStringValue("i;octet"u8);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // RFC 8621 §1.3.1
    private static void WriteMail(Utf8JsonWriter json)
    {
        json.WriteStartObject(Jmap.Capabilities.Mail);
        json.WriteNull("maxMailboxesPerEmail"u8);
        json.WriteNumber("maxMailboxDepth"u8, Store.StoreLimits.MailboxDepthMax);
        json.WriteNumber("maxSizeMailboxName"u8, Store.StoreLimits.MailboxNameOctetsMax);
        json.WriteNumber("maxSizeAttachmentsPerEmail"u8, JmapLimits.AttachmentOctetsMax);
        json.WriteStartArray("emailQuerySortOptions"u8);
        foreach (var property in EmailComparator.Properties) json.WriteStringValue(property);
        json.WriteEndArray();
        json.WriteBoolean("mayCreateTopLevelMailbox"u8, true);
        json.WriteEndObject();
    }
}
