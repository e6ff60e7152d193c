using System.Buffers;
using System.Globalization;
using System.Text;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>Writes what was found out into a message, and finds what others pretend that we had written (RFC 8601).</summary>
public static class AuthenticationResults
{
    private static readonly SearchValues<char> TokenChars =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`{|}~@");

    private static readonly SearchValues<char> ServIdEnd = SearchValues.Create(" \t\r\n;(");

    /// <summary>The field with its line ends.</summary>
    public static byte[] Field(string servId, MailVerdicts verdicts) =>
        Encoding.UTF8.GetBytes($"Authentication-Results: {Value(servId)}{Payload(verdicts)}\r\n");

    /// <summary>What follows the name of the server, as ARC repeats it (RFC 8617 §4.1.1): each result behind a semicolon on a line of its
    /// own.</summary>
    public static string Payload(MailVerdicts verdicts)
    {
        var text = new StringBuilder();
        if (verdicts.Iprev is { } iprev)
        {
            Begin(text, "iprev", iprev.Result, null);
            Property(text, "policy.iprev", iprev.Client.ToString());
            if (iprev.Name is not null) text.Append(" (").Append(Comment(iprev.Name)).Append(')');
        }
        foreach (var spf in verdicts.Spf)
        {
            Begin(text, "spf", spf.Result, spf.Evidence);
            Property(text, spf.Identity == SpfIdentity.Helo ? "smtp.helo" : "smtp.mailfrom", spf.Domain);
        }
        foreach (var dkim in verdicts.Dkim) Append(text, dkim);
        if (verdicts.Dkim.Count == 0 && verdicts.ChecksSignatures) Begin(text, "dkim", AuthResult.None, null);
        if (verdicts.Arc is { } arc && (arc.Result != AuthResult.None || verdicts.ChecksSignatures))
        {
            Begin(text, "arc", arc.Result, arc.Evidence);
            if (arc.Seals.Count > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $" (i={arc.Instances} {Comment(arc.Seals[^1].Domain)})");
                Property(text, "smtp.remote-ip", verdicts.Iprev?.Client.ToString() ?? "");
            }
        }
        if (verdicts.Dmarc is { } dmarc) Append(text, dmarc);
        if (verdicts.Bimi is { } bimi) Append(text, bimi);
        return text.Length == 0 ? "; none" : text.ToString();
    }

    /// <summary>
    /// The fields that only this server writes, written by somebody else: verdicts in its name (RFC 8601 §5), and marks that mail programs would
    /// show (draft-brand-indicators-for-message-identification §7.11). They go.
    /// </summary>
    /// <param name="header">A message, or its header.</param>
    public static IReadOnlyList<OctetRange> Forged(ReadOnlySpan<byte> header, string servId)
    {
        List<OctetRange>? found = null;
        foreach (var field in HeaderFields.Of(header))
        {
            if (field.Is("bimi-location"u8) || field.Is("bimi-indicator"u8)) (found ??= []).Add(new(field.Offset, field.Octets.Length));
            if (!field.Is("authentication-results"u8)) continue;
            if (ServId(Encoding.UTF8.GetString(field.Value)).Equals(servId, StringComparison.OrdinalIgnoreCase))
            {
                (found ??= []).Add(new(field.Offset, field.Octets.Length));
            }
        }
        return found ?? [];
    }

    private static void Append(StringBuilder text, DkimVerdict dkim)
    {
        Begin(text, "dkim", dkim.Result, dkim.Evidence);
        if (dkim.KeyBits > 0) text.Append(CultureInfo.InvariantCulture, $" ({dkim.KeyBits}-bit key)");
        if (dkim.Domain.Length == 0) return;
        Property(text, "header.d", dkim.Domain);
        Property(text, "header.i", dkim.Identity);
        Property(text, "header.s", dkim.Selector); // RFC 8601 §2.7.1
        Property(text, "header.a", dkim.Algorithm);
        if (dkim.Tail.Length > 0) Property(text, "header.b", dkim.Tail); // RFC 6008
    }

    private static void Append(StringBuilder text, DmarcVerdict dmarc)
    {
        Begin(text, "dmarc", dmarc.Result, dmarc.Evidence);
        if (dmarc.Record is { } record)
        {
            var policy = record.Policy.ToString().ToLowerInvariant();
            text.Append(CultureInfo.InvariantCulture, $" (p={policy} dis={dmarc.Policy.ToString().ToLowerInvariant()})");
        }
        if (dmarc.Domain.Length > 0) Property(text, "header.from", dmarc.Domain);
    }

    // draft-brand-indicators-for-message-identification §7.8
    private static void Append(StringBuilder text, BimiVerdict bimi)
    {
        Begin(text, "bimi", bimi.Result, bimi.Result == AuthResult.Pass ? null : bimi.Evidence);
        Property(text, "header.d", bimi.Domain);
        Property(text, "header.selector", bimi.Selector);
        if (bimi.Indicator is not { } indicator) return;
        Property(text, "policy.authority", "pass");
        Property(text, "policy.authority-uri", indicator.Authority);
    }

    // The reason is quoted: it may hold anything (RFC 8601 §2.2, reasonspec).
    private static void Begin(StringBuilder text, string method, AuthResult result, string? reason)
    {
        text.Append(";\r\n\t").Append(method).Append('=').Append(result.Keyword());
        if (!string.IsNullOrEmpty(reason) && result != AuthResult.None) text.Append(" reason=").Append(Quoted(reason));
    }

    private static void Property(StringBuilder text, string name, string value)
    {
        if (value.Length > 0) text.Append("\r\n\t\t").Append(name).Append('=').Append(Value(value));
    }

    // RFC 8601 §2.2 pvalue, RFC 2045 token: whatever else is quoted.
    private static string Value(string value) => value.AsSpan().ContainsAnyExcept(TokenChars) ? Quoted(value) : Cut(value);

    private static string Quoted(string value)
    {
        var text = new StringBuilder("\"");
        foreach (var c in Cut(value))
        {
            if (c is '"' or '\\') text.Append('\\');
            text.Append(char.IsControl(c) ? '?' : c);
        }
        return text.Append('"').ToString();
    }

    private static string Comment(string value) =>
        string.Concat(Cut(value).Select(static c => c is '(' or ')' or '\\' || c is < ' ' or > '~' ? '?' : c));

    private static string Cut(string value) => value.Length > TrustLimits.ResultValueCharsMax ? value[..TrustLimits.ResultValueCharsMax] : value;

    // [CFWS] authserv-id [CFWS version]
    private static string ServId(string value)
    {
        var rest = value.AsSpan();
        while (true)
        {
            rest = rest.TrimStart(" \t\r\n");
            if (rest.IsEmpty || rest[0] != '(') break;
            var depth = 0;
            var at = 0;
            for (; at < rest.Length; at++)
            {
                if (rest[at] == '\\') at++;
                else if (rest[at] == '(') depth++;
                else if (rest[at] == ')' && --depth == 0) break;
            }
            rest = rest[Math.Min(at + 1, rest.Length)..];
        }
        if (!rest.IsEmpty && rest[0] == '"') return rest[1..].IndexOf('"') is var close and >= 0 ? rest.Slice(1, close).ToString() : "";
        var end = rest.IndexOfAny(ServIdEnd);
        return (end < 0 ? rest : rest[..end]).ToString();
    }
}
