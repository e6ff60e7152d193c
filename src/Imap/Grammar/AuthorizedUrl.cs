using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>Who may use an authorized URL (RFC 4467 §3).</summary>
internal enum UrlAccess : byte
{
    /// <summary>A program that submits messages in somebody's name.</summary>
    Submit,

    /// <summary>One person.</summary>
    User,

    /// <summary>Whoever has logged in.</summary>
    AuthenticatedUser,

    Anonymous,
}

/// <summary>An absolute IMAP URL with an authorization, or one that is to get it (RFC 4467 §9).</summary>
/// <param name="Rump">Up to the access identifier, as it was written: what the token is made of (§6).</param>
/// <param name="Owner">Whose mailbox it is.</param>
/// <param name="Grantee">Behind "user+" and "submit+".</param>
/// <param name="Token">Null without one.</param>
internal sealed record AuthorizedUrl(
    string Rump, EmailAddress Owner, string Host, MessageUrl Message, DateTimeOffset? Expires, UrlAccess Access, EmailAddress? Grantee,
    string? Mechanism, string? Token)
{
    private const string Scheme = "imap://";
    private const string Authorization = ";URLAUTH=";
    private const string Expiry = ";EXPIRE=";

    public static bool TryParse(string url, [NotNullWhen(true)] out AuthorizedUrl? parsed)
    {
        parsed = null;
        if (!url.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return false;
        var slash = url.IndexOf('/', Scheme.Length);
        var authorization = url.LastIndexOf(Authorization, StringComparison.OrdinalIgnoreCase);
        if (slash < 0 || authorization < slash) return false;
        if (!TryServer(url.AsSpan(Scheme.Length, slash - Scheme.Length), out var owner, out var host)) return false;
        var path = url[slash..authorization];
        DateTimeOffset? expires = null;
        var expiry = path.LastIndexOf(Expiry, StringComparison.OrdinalIgnoreCase);
        if (expiry >= 0)
        {
            // RFC 3339 §5.6
            if (!DateTimeOffset.TryParseExact(
                path.AsSpan(expiry + Expiry.Length), ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mm:ssK"], CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal, out var until)) return false;
            (expires, path) = (until, path[..expiry]);
        }
        if (!MessageUrl.TryParse(path, out var message) || message.Mailbox is null) return false;
        var parts = url[(authorization + Authorization.Length)..].Split(':');
        if (parts.Length is not (1 or 3) || !TryAccess(parts[0], out var access, out var grantee)) return false;
        var rump = url[..(authorization + Authorization.Length + parts[0].Length)];
        var (mechanism, token) = parts.Length == 3 ? (parts[1], parts[2]) : default;
        parsed = new AuthorizedUrl(rump, owner, host, message, expires, access, grantee, mechanism, token);
        return true;
    }

    // enc-user [";AUTH=" …] "@" host [":" port]; addresses are user names here, and some write their @ as it is.
    private static bool TryServer(ReadOnlySpan<char> server, [NotNullWhen(true)] out EmailAddress? owner, out string host)
    {
        (owner, host) = (null, "");
        var at = server.LastIndexOf('@');
        if (at < 0) return false;
        var user = server[..at];
        var sasl = user.IndexOf(";AUTH=", StringComparison.OrdinalIgnoreCase);
        if (sasl >= 0) user = user[..sasl];
        host = server[(at + 1)..].ToString();
        var port = host.LastIndexOf(':');
        if (port >= 0 && !host.EndsWith(']')) host = host[..port];
        return MessageUrl.TryDecode(user, out var name) && EmailAddress.TryParse(name, out owner);
    }

    private static bool TryAccess(string text, out UrlAccess access, out EmailAddress? grantee)
    {
        (access, grantee) = (default, null);
        if (text.Equals("anonymous", StringComparison.OrdinalIgnoreCase)) access = UrlAccess.Anonymous;
        else if (text.Equals("authuser", StringComparison.OrdinalIgnoreCase)) access = UrlAccess.AuthenticatedUser;
        else
        {
            var plus = text.IndexOf('+', StringComparison.Ordinal);
            if (plus < 0 || !MessageUrl.TryDecode(text.AsSpan(plus + 1), out var name) || !EmailAddress.TryParse(name, out grantee)) return false;
            var kind = text.AsSpan(0, plus);
            if (kind.Equals("user", StringComparison.OrdinalIgnoreCase)) access = UrlAccess.User;
            else if (kind.Equals("submit", StringComparison.OrdinalIgnoreCase)) access = UrlAccess.Submit;
            else return false;
        }
        return true;
    }
}
