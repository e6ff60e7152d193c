using System.Globalization;

namespace Posthorn.Imap;

/// <summary>
/// The capability list of a session (RFC 9051 §6.1.1): what the verb table brings, what its grammar brings, and how one may log
/// in now.
/// </summary>
internal static class Capabilities
{
    // What is no verb of its own: options of commands, forms of literals, response codes.
    private static readonly string[] WithoutVerb =
    [
        "SASL-IR", // RFC 4959
        "CHILDREN", // RFC 3348
        "SPECIAL-USE", // RFC 6154
        "LIST-STATUS", // RFC 5819
        "STATUS=SIZE", // RFC 8438
        "CONDSTORE", // RFC 7162
        "QRESYNC", // RFC 7162
        "CATENATE", // RFC 4469
        "BINARY", // RFC 3516
        "OBJECTID", // RFC 8474
        "SAVEDATE", // RFC 8514
        "PREVIEW", // RFC 8970
        "LIST-METADATA", // RFC 9590
        "SEARCHRES", // RFC 5182
        "WITHIN", // RFC 5032
        "ESORT", // RFC 5267
        "CONTEXT=SORT", // RFC 5267
        "I18NLEVEL=1", // RFC 5255
        "PARTIAL", // RFC 9394
        "UIDONLY", // RFC 9586
        "INPROGRESS", // RFC 9585
        "UTF8=ACCEPT", // RFC 6855
    ];

    private static readonly string Always = string.Join(
        ' ',
        (string[])[
            "IMAP4rev1",
            .. Verb.Table.Where(verb => verb.Capability is not null).Select(verb => verb.Capability!).Distinct(),
            .. WithoutVerb,
        ]);

    public static string Of(ImapSession session)
    {
        // RFC 7888 §5: one of the two.
        var literals = session.Server.Settings.LiteralMinus ? " LITERAL-" : " LITERAL+";
        // RFC 7889 §2: the same for every mailbox.
        var text = string.Create(CultureInfo.InvariantCulture, $"{Always}{literals} APPENDLIMIT={session.Server.Settings.MessageOctetsMax}");
        if (session.Server.Settings.CapabilitiesOff.Count > 0) text = string.Join(' ', text.Split(' ').Where(word => !IsOff(session, word)));
        if (session.Identity is not null) return text;
        if (session.CanStartTls) text += " STARTTLS";
        // RFC 3501 §6.2.3: LOGIN is not to be tried. Mechanisms that would send a password are not offered either.
        if (!session.AcceptsPasswords) return text + " LOGINDISABLED";
        foreach (var mechanism in session.Server.Authenticator.Mechanisms(session.LoginContext)) text += " AUTH=" + mechanism;
        return text;
    }

    /// <summary>Whether the operator keeps it from this client.</summary>
    public static bool IsOff(ImapSession session, string capability)
    {
        foreach (var rule in session.Server.Settings.CapabilitiesOff)
        {
            if (rule.Capability.Equals(capability, StringComparison.OrdinalIgnoreCase) && rule.Applies(session)) return true;
        }
        return false;
    }

    /// <summary>What there is and is not the protocol itself.</summary>
    public static bool CanBeOff(string capability) =>
        !capability.Equals("IMAP4rev1", StringComparison.OrdinalIgnoreCase)
        && Always.Split(' ').Contains(capability, StringComparer.OrdinalIgnoreCase);
}
