using System.Globalization;

namespace Posthorn.Pop3;

/// <summary>The lines of CAPA (RFC 2449 §5): what the verb table brings, and how the server behaves.</summary>
internal static class Capabilities
{
    // What is no verb of its own.
    private static readonly string[] WithoutVerb =
    [
        "PIPELINING", // RFC 2449 §6.6
        "RESP-CODES", // RFC 2449 §6.4
        "AUTH-RESP-CODE", // RFC 3206 §6
        "EXPIRE NEVER", // RFC 2449 §6.7: the server deletes nothing by itself
        "IMPLEMENTATION Posthorn", // RFC 2449 §6.9
    ];

    public static IEnumerable<string> Of(Pop3Session session)
    {
        foreach (var verb in Verb.Table)
        {
            if (verb.Capability?.Invoke(session) is { } line) yield return line;
        }
        // RFC 2449 §6.5: the same for everybody.
        yield return string.Create(CultureInfo.InvariantCulture, $"LOGIN-DELAY {session.Server.Settings.LoginDelay.TotalSeconds:0}");
        foreach (var line in WithoutVerb) yield return line;
    }
}
