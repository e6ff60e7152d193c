using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Jmap;

/// <summary>Header fields as JSON, in each of their forms (RFC 8621 §4.1.2).</summary>
internal static class HeaderWriter
{
    private static readonly SearchValues<char> Specials = SearchValues.Create(" \t\"(),:;<>@[\\]");

    /// <summary>EmailHeader[] (RFC 8621 §4.1.3).</summary>
    public static void WriteAll(Utf8JsonWriter json, ReadOnlySpan<byte> header)
    {
        json.WriteStartArray();
        foreach (var field in HeaderFields.Of(header))
        {
            if (field.Name.IsEmpty) continue;
            json.WriteStartObject();
            json.WriteString("name"u8, Clean(field.Name));
            json.WriteString("value"u8, Raw(field.Value));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    public static void Write(Utf8JsonWriter json, HeaderRequest request, ReadOnlySpan<byte> header)
    {
        json.WritePropertyName(request.Property);
        var name = Encoding.ASCII.GetBytes(request.Field);
        if (request.All) json.WriteStartArray();
        var last = default(ReadOnlySpan<byte>);
        var found = false;
        foreach (var field in HeaderFields.Of(header))
        {
            if (!field.Is(name)) continue;
            if (request.All) WriteValue(json, request.Form, field.Value);
            else last = field.Value;
            found = true;
        }
        if (request.All) json.WriteEndArray();
        else if (found) WriteValue(json, request.Form, last);
        else json.WriteNullValue();
    }

    public static void WriteAddresses(Utf8JsonWriter json, List<WrittenGroup> groups)
    {
        json.WriteStartArray();
        foreach (var group in groups) WriteAddresses(json, group);
        json.WriteEndArray();
    }

    public static void WriteIds(Utf8JsonWriter json, ReadOnlySpan<byte> value)
    {
        var ids = MessageIds.Parse(value);
        if (ids.Count == 0)
        {
            json.WriteNullValue();
            return;
        }
        json.WriteStartArray();
        foreach (var id in ids) json.WriteStringValue(id);
        json.WriteEndArray();
    }

    public static void WriteDate(Utf8JsonWriter json, ReadOnlySpan<byte> value)
    {
        if (InternetDate.TryParse(value, out var at)) json.WriteStringValue(DateOf(at));
        else json.WriteNullValue();
    }

    /// <summary>Date (RFC 8620 §1.4): the offset as it was.</summary>
    public static string DateOf(DateTimeOffset at) => at.Offset == TimeSpan.Zero
        ? at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)
        : at.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);

    /// <summary>RFC 8621 §4.1.2.2: form C, without controls.</summary>
    public static string Text(ReadOnlySpan<byte> value)
    {
        var text = HeaderText.Decode(value).TrimStart(' ', '\t');
        if (text.Any(char.IsControl)) text = string.Concat(text.Where(static c => !char.IsControl(c) || c == '\t'));
        return UnicodeForm.Compose(text);
    }

    private static void WriteValue(Utf8JsonWriter json, HeaderForm form, ReadOnlySpan<byte> value)
    {
        switch (form)
        {
            case HeaderForm.Text: json.WriteStringValue(Text(value)); break;
            case HeaderForm.Addresses: WriteAddresses(json, HeaderScan.Groups(value)); break;
            case HeaderForm.GroupedAddresses: WriteGroups(json, HeaderScan.Groups(value)); break;
            case HeaderForm.MessageIds: WriteIds(json, value); break;
            case HeaderForm.Date: WriteDate(json, value); break;
            case HeaderForm.URLs: WriteUrls(json, value); break;
            default: json.WriteStringValue(Raw(value)); break;
        }
    }

    private static void WriteGroups(Utf8JsonWriter json, List<WrittenGroup> groups)
    {
        json.WriteStartArray();
        foreach (var group in groups)
        {
            json.WriteStartObject();
            json.WriteString("name"u8, group.Name);
            json.WriteStartArray("addresses"u8);
            WriteAddresses(json, group);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteAddresses(Utf8JsonWriter json, WrittenGroup group)
    {
        foreach (var address in group.Addresses)
        {
            json.WriteStartObject();
            if (address.Name.Length == 0) json.WriteNull("name"u8);
            else json.WriteString("name"u8, UnicodeForm.Compose(address.Name));
            json.WriteString("email"u8, EmailOf(address));
            json.WriteEndObject();
        }
    }

    // RFC 5322 §3.4.1: what is no dot-atom is written in quotes.
    private static string EmailOf(WrittenAddress address)
    {
        var local = address.Mailbox;
        if (local.AsSpan().IndexOfAny(Specials) >= 0 && address.Host.Length > 0)
        {
            local = "\"" + local.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
        }
        return address.Host.Length == 0 ? local : local + "@" + address.Host;
    }

    // RFC 2369 §2: URLs in angle brackets, comments between them.
    private static void WriteUrls(Utf8JsonWriter json, ReadOnlySpan<byte> value)
    {
        var urls = new List<string>();
        var text = HeaderText.Decode(value);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == '(')
            {
                at = SkipComment(text, at);
                continue;
            }
            if (text[at] != '<') continue;
            var end = text.IndexOf('>', at);
            if (end < 0) break;
            urls.Add(string.Concat(text[(at + 1)..end].Where(static c => !char.IsWhiteSpace(c))));
            at = end;
        }
        if (urls.Count == 0)
        {
            json.WriteNullValue();
            return;
        }
        json.WriteStartArray();
        foreach (var url in urls) json.WriteStringValue(url);
        json.WriteEndArray();
    }

    private static int SkipComment(string text, int at)
    {
        var depth = 0;
        for (; at < text.Length; at++)
        {
            if (text[at] == '\\') at++;
            else if (text[at] == '(') depth++;
            else if (text[at] == ')' && --depth == 0) return at;
        }
        return at;
    }

    // RFC 8621 §4.1.2.1: up to the line end that closes the field; no NUL; what is not UTF-8 is replaced.
    private static string Raw(ReadOnlySpan<byte> value)
    {
        if (value.EndsWith("\r\n"u8)) value = value[..^2];
        else if (value.EndsWith("\n"u8)) value = value[..^1];
        return Clean(value);
    }

    private static string Clean(ReadOnlySpan<byte> octets)
    {
        var text = Encoding.UTF8.GetString(octets);
        return text.Contains('\0', StringComparison.Ordinal) ? text.Replace("\0", "", StringComparison.Ordinal) : text;
    }
}
