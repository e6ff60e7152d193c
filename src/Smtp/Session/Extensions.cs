using System.Globalization;
using System.Text;

namespace Posthorn.Smtp;

/// <summary>The lines of EHLO's reply (RFC 5321 §4.1.1.1): what the grammar of other verbs brings, and what the verb table brings.</summary>
internal static class Extensions
{
    // What is no verb of its own.
    private static readonly string[] WithoutVerb =
    [
        "PIPELINING", // RFC 2920
        "8BITMIME", // RFC 6152
        "ENHANCEDSTATUSCODES", // RFC 2034
        "SMTPUTF8", // RFC 6531
        "DSN", // RFC 3461
        "DELIVERBY", // RFC 2852
        "MT-PRIORITY", // RFC 6710
    ];

    /// <summary>Each behind an LF.</summary>
    public static string Of(SmtpSession session)
    {
        var text = new StringBuilder();
        foreach (var keyword in WithoutVerb) text.Append('\n').Append(keyword);
        if (session.Connection.IsTls) text.Append("\nREQUIRETLS"); // RFC 8689 §4.1
        if (session.Server.IsSubmission) text.Append(FutureRelease(session)); // RFC 4865 §4
        text.Append(CultureInfo.InvariantCulture, $"\nSIZE {session.Server.Settings.MessageOctetsMax}"); // RFC 1870 §3
        text.Append(CultureInfo.InvariantCulture, $"\nLIMITS RCPTMAX={session.Server.Settings.RecipientsMax}"); // RFC 9422 §4
        foreach (var verb in Verb.Table)
        {
            if (verb.Keyword?.Invoke(session) is { } keyword) text.Append('\n').Append(keyword);
        }
        return text.ToString();
    }

    private static string FutureRelease(SmtpSession session)
    {
        var max = session.Server.Settings.HoldMax;
        var until = session.Connection.Time.GetUtcNow() + max;
        return string.Create(CultureInfo.InvariantCulture, $"\nFUTURERELEASE {(long)max.TotalSeconds} {until:yyyy-MM-dd'T'HH:mm:ss'Z'}");
    }
}
