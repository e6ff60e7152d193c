using System.Net;
using System.Net.Sockets;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Mime;

/// <summary>What a Received field tells of one hop (RFC 5321 §4.4).</summary>
public sealed record ReceivedTrace
{
    /// <summary>The client's EHLO argument, as it gave it; it is cleaned on writing.</summary>
    public required string Helo { get; init; }

    /// <summary>Null for a message that came over a local socket.</summary>
    public IPAddress? ClientAddress { get; init; }

    /// <summary>The client's name by a confirmed reverse look-up.</summary>
    public string? ClientName { get; init; }

    public required string By { get; init; }

    /// <summary>ESMTP, ESMTPS, ESMTPSA, LMTP… (RFC 3848, RFC 6531 §4.3).</summary>
    public required string With { get; init; }

    /// <summary>The link's name when it is not the Internet (RFC 5321 §4.4 Via).</summary>
    public string? Via { get; init; }

    /// <summary>Protocol and cipher: <c>TLS1.3 TLS_AES_256_GCM_SHA384</c>.</summary>
    public string? Tls { get; init; }

    /// <summary>The queue's name of the message.</summary>
    public required string Id { get; init; }

    /// <summary>Only of a message with one recipient: the others are nobody's business.</summary>
    public EmailAddress? For { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>Writes the fields that say where a message has been. What comes from a peer cannot end a line or a comment.</summary>
public static class TraceHeader
{
    private const int WordCharsMax = 255;

    public static byte[] Received(ReceivedTrace trace)
    {
        var text = new StringBuilder("Received: from ").Append(Host(trace.Helo));
        if (trace.ClientAddress is { } address)
        {
            text.Append(" (");
            if (trace.ClientName is { Length: > 0 } name) text.Append(Host(name)).Append(' ');
            text.Append(Literal(address)).Append(')');
        }
        text.Append("\r\n\tby ").Append(Host(trace.By));
        if (trace.Via is { Length: > 0 } via) text.Append(" via ").Append(Word(via));
        text.Append(" with ").Append(Word(trace.With));
        if (trace.Tls is { Length: > 0 } tls) text.Append("\r\n\t(").Append(Comment(tls)).Append(')');
        text.Append("\r\n\tid ").Append(Word(trace.Id));
        if (trace.For is { } recipient) text.Append("\r\n\tfor <").Append(recipient).Append('>');
        text.Append(";\r\n\t").Append(InternetDate.Format(trace.At)).Append("\r\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>The reverse-path of the envelope, written at final delivery (RFC 5321 §4.4).</summary>
    public static byte[] ReturnPath(ReversePath path) => Encoding.UTF8.GetBytes($"Return-Path: <{path}>\r\n");

    /// <summary>The mailbox that took the message; seen again, it means a loop.</summary>
    public static byte[] DeliveredTo(EmailAddress address) => Encoding.UTF8.GetBytes($"Delivered-To: {address}\r\n");

    /// <summary>An address literal (RFC 5321 §4.1.3).</summary>
    public static string Literal(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (address.AddressFamily == AddressFamily.InterNetwork) return $"[{address}]";
        return $"[IPv6:{new IPAddress(address.GetAddressBytes())}]"; // without a scope
    }

    // Domain or address literal; anything else an EHLO carried becomes a question mark.
    private static string Host(string name) => Clean(name, c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':' or '[' or ']');

    private static string Word(string word) =>
        Clean(word, c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-/=?^_`{|}~.".Contains(c, StringComparison.Ordinal));

    private static string Comment(string text) => Clean(text, c => c is >= ' ' and <= '~' and not ('(' or ')' or '\\'));

    private static string Clean(string text, Func<char, bool> allowed)
    {
        if (text.Length == 0) return "unknown";
        if (text.Length > WordCharsMax) text = text[..WordCharsMax];
        return string.Create(text.Length, (text, allowed), static (span, from) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = from.allowed(from.text[i]) ? from.text[i] : '?';
        });
    }
}
