using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Delivery;

/// <summary>Logs in at a relay (RFC 4954), by the best mechanism of those that both have.</summary>
internal static class SmtpLogin
{
    /// <returns>Null when we are logged in. A log-in that fails is the operator's to repair, so mail waits for it and does not bounce, whatever the
    /// relay says.</returns>
    public static async ValueTask<OutboundVerdict?> RunAsync(SmtpSession session, string login, byte[] password, CancellationToken ct)
    {
        if (!session.Connection.IsTls)
        {
            return OutboundVerdict.Later("4.7.0", "the relay offers no TLS, so nobody logs in", session.Host);
        }
        var mechanisms = session.ParametersOf("AUTH").Split(' ');
        var reply = BestOf(mechanisms) switch
        {
            "SCRAM-SHA-256" => await ScramAsync(session, new ScramClient(HashAlgorithmName.SHA256, login, password), ct),
            "SCRAM-SHA-1" => await ScramAsync(session, new ScramClient(HashAlgorithmName.SHA1, login, password), ct),
            "PLAIN" => await SayAsync(session, "AUTH PLAIN ", [0, .. Encoding.UTF8.GetBytes(login), 0, .. password], ct), // RFC 4616 §2
            "LOGIN" => await LoginAsync(session, login, password, ct),
            _ => null,
        };
        if (reply is null)
        {
            return OutboundVerdict.Later("4.7.4", "the relay offers none of AUTH SCRAM-SHA-256, SCRAM-SHA-1, PLAIN and LOGIN", session.Host);
        }
        return reply.Code == 235 ? null : OutboundVerdict.Later("4.7.8", $"the log-in at the relay failed: {reply}", session.Host);
    }

    private static string? BestOf(string[] offered)
    {
        string[] ours = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"];
        return Array.Find(ours, mechanism => offered.Contains(mechanism, StringComparer.OrdinalIgnoreCase));
    }

    private static async ValueTask<SmtpReply> LoginAsync(SmtpSession session, string login, byte[] password, CancellationToken ct)
    {
        var reply = await session.AskAsync("AUTH LOGIN", OutboundLimits.HelloTimeout, ct);
        if (reply.Code == 334) reply = await SayAsync(session, "", Encoding.UTF8.GetBytes(login), ct);
        if (reply.Code == 334) reply = await SayAsync(session, "", [.. password], ct);
        return reply;
    }

    // RFC 5802 §5: the server proves itself too; one that cannot gets no mail.
    private static async ValueTask<SmtpReply> ScramAsync(SmtpSession session, ScramClient scram, CancellationToken ct)
    {
        var reply = await SayAsync(session, $"AUTH {scram.Mechanism} ", scram.First(), ct);
        if (reply.Code != 334) return reply;
        if (!scram.TryFinal(Decode(reply.Text), out var final)) return await CancelAsync(session, ct);
        reply = await SayAsync(session, "", final, ct);
        if (reply.Code != 334) return reply.Code == 235 ? Unproven : reply;
        if (!scram.IsProof(Decode(reply.Text))) return await CancelAsync(session, ct);
        return await session.AskAsync("", OutboundLimits.HelloTimeout, ct);
    }

    private static SmtpReply Unproven { get; } = new(0, "4.7.8", "the relay did not prove that it knows the password", []);

    private static async ValueTask<SmtpReply> CancelAsync(SmtpSession session, CancellationToken ct)
    {
        await session.AskAsync("*", OutboundLimits.HelloTimeout, ct); // RFC 4954 §4
        return Unproven;
    }

    private static byte[] Decode(string text)
    {
        var octets = new byte[text.Length];
        return Convert.TryFromBase64String(text, octets, out var written) ? octets[..written] : [];
    }

    private static async ValueTask<SmtpReply> SayAsync(SmtpSession session, string command, byte[] secret, CancellationToken ct)
    {
        var writer = session.Connection.Write();
        writer.Text(command);
        writer.Base64(secret);
        writer.CrLf();
        writer.Commit();
        CryptographicOperations.ZeroMemory(secret);
        await session.FlushAsync(ct);
        return await session.ReadReplyAsync(OutboundLimits.HelloTimeout, ct);
    }
}
