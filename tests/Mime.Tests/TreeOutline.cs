using System.Globalization;
using System.Text;
using MimeKit;

namespace Posthorn.Mime.Tests;

/// <summary>MimeKit's tree of objects in the words of an outline, where it differs from IMAP by intent.</summary>
internal static class TreeOutline
{
    public static void Write(MimeEntity? entity, string section, StringBuilder text)
    {
        switch (entity)
        {
            // RFC 9051 §7.5.2 knows two message types; MimeKit opens more of them, which are leaves here.
            case MessagePart message when message.ContentType.IsMimeType("message", "rfc822") || message.ContentType.IsMimeType("message", "global"):
                Line(text, section, message.ContentType, null);
                if (message.Message?.Body is { } body) Write(body, section + ".1", text);
                else text.Append(section).Append(".1 text/plain 0\n"); // a message of nothing is a text of nothing
                break;
            case MessagePart other:
                text.Append(section).Append(' ').Append(other.ContentType.MimeType.ToLowerInvariant()).Append(" *\n");
                break;
            // A multipart that encloses no part is shown as the text that it is; MimeKit keeps what is before and after its end apart.
            case Multipart { Count: 0 }:
                text.Append(section).Append(" text/plain *\n");
                break;
            case Multipart multipart:
                Line(text, section, multipart.ContentType, null);
                for (var i = 0; i < multipart.Count; i++) Write(multipart[i], section + "." + (i + 1), text);
                break;
            case MimePart part:
                Line(text, section, part.ContentType, part.Content?.Stream?.Length ?? 0);
                break;
            default:
                text.Append(section).Append(" text/plain 0\n");
                break;
        }
    }

    private static void Line(StringBuilder text, string section, ContentType type, long? octets)
    {
        text.Append(section).Append(' ').Append(type.MimeType.ToLowerInvariant());
        if (octets is { } count) text.Append(' ').Append(count.ToString(CultureInfo.InvariantCulture));
        text.Append('\n');
    }
}
