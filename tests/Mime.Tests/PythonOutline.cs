using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Posthorn.Mime.Tests;

/// <summary>Both structures in one form, with the differences that are meant taken out.</summary>
internal static class PythonOutline
{
    public static string Of(JsonElement message)
    {
        var text = new StringBuilder();
        Write(message, "", text);
        return text.ToString();
    }

    public static string Of(PartView root)
    {
        var text = new StringBuilder();
        Write(root, "", text);
        return text.ToString();
    }

    private static void Write(JsonElement part, string section, StringBuilder text)
    {
        var type = part.GetProperty("type").GetString()!;
        var hasChildren = part.TryGetProperty("children", out var children) && children.GetArrayLength() > 0;
        // RFC 2045 §5.2 here: a multipart without parts is text. Python keeps the type and, as text, what is before its end.
        if (type.StartsWith("multipart/", StringComparison.Ordinal) && !hasChildren)
        {
            text.Append(section).Append(" text/plain *\n");
            return;
        }
        text.Append(section).Append(' ').Append(type).Append(Charset(part));
        // RFC 2046 §5.2.1: an enclosed message has no transfer encoding; with one it is content here, and a message of text in Python.
        if (type == "message/rfc822" && part.GetProperty("encoding").GetString() is "base64" or "quoted-printable")
        {
            text.Append(CultureInfo.InvariantCulture, $" {children[0].GetProperty("size").GetInt64()}\n");
            return;
        }
        // Python opens every message/* but delivery-status; IMAP only two of them.
        var opens = type.StartsWith("multipart/", StringComparison.Ordinal) || type is "message/rfc822" or "message/global";
        if (!hasChildren) text.Append(CultureInfo.InvariantCulture, $" {part.GetProperty("size").GetInt64()}");
        text.Append('\n');
        if (!opens || !hasChildren) return;
        var number = 1;
        foreach (var child in children.EnumerateArray()) Write(child, section + "." + number++, text);
    }

    private static string Charset(JsonElement part) =>
        part.GetProperty("params").TryGetProperty("charset", out var charset) ? " " + charset.GetString()!.Trim().ToLowerInvariant() : "";

    private static void Write(PartView part, string section, StringBuilder text)
    {
        var type = Structures.Text(part.Type) + "/" + Structures.Text(part.Subtype);
        text.Append(section).Append(' ').Append(type);
        var charset = PartContent.Charset(part);
        if (charset.Length > 0) text.Append(' ').Append(charset.ToLowerInvariant());
        if (part.Kind == PartKind.Leaf && !(part.Type.SequenceEqual("message"u8) && part.Subtype.SequenceEqual("external-body"u8)))
        {
            text.Append(CultureInfo.InvariantCulture, $" {part.Octets}");
        }
        text.Append('\n');
        var number = 1;
        foreach (var child in part) Write(child, section + "." + number++, text);
    }
}
