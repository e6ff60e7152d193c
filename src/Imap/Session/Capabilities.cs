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
        "LITERAL+", // RFC 7888
        "SASL-IR", // RFC 4959
        "CHILDREN", // RFC 3348
        "SPECIAL-USE", // RFC 6154
        "LIST-STATUS", // RFC 5819
        "STATUS=SIZE", // RFC 8438
        "CONDSTORE", // RFC 7162
        "QRESYNC", // RFC 7162
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
        if (session.Identity is not null) return Always;
        var text = Always;
        if (session.CanStartTls) text += " STARTTLS";
        // RFC 3501 §6.2.3: LOGIN is not to be tried. Mechanisms that would send a password are not offered either.
        return text + (session.AcceptsPasswords ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
    }
}
