using System.Net;
using Posthorn.Core;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>Which name of the client was checked (RFC 7208 §2.3, §2.4).</summary>
public enum SpfIdentity
{
    Helo,
    MailFrom,
}

/// <summary>What a domain's SPF record says of a client.</summary>
/// <param name="Domain">Whose record was asked for.</param>
/// <param name="Evidence">The term that decided, or what was wrong; one line.</param>
/// <param name="Explanation">What the domain says to whom it does not allow (RFC 7208 §6.2); null unless <see cref="AuthResult.Fail"/>.</param>
public sealed record SpfVerdict(AuthResult Result, SpfIdentity Identity, string Domain, string Evidence, string? Explanation = null);

/// <summary>Asks whether a client may send for a domain (RFC 7208).</summary>
/// <param name="receiver">Our own name, for the macro r.</param>
public sealed class SpfVerifier(Resolver resolver, string receiver, TimeProvider time)
{
    /// <summary>RFC 7208 §2.3: the name that the client gave itself.</summary>
    public ValueTask<SpfVerdict> HeloAsync(IPAddress client, string helo, CancellationToken ct = default) =>
        CheckAsync(new SpfQuestion(client.Unmapped(), helo, "postmaster", helo, receiver, time.GetUtcNow()), SpfIdentity.Helo, ct);

    /// <summary>RFC 7208 §2.4: the reverse-path; the name in EHLO stands in for the null path.</summary>
    /// <param name="mailFrom">Without angle brackets.</param>
    public ValueTask<SpfVerdict> MailFromAsync(IPAddress client, string helo, string mailFrom, CancellationToken ct = default)
    {
        if (mailFrom.Length == 0) return HeloAsync(client, helo, ct);
        var at = mailFrom.LastIndexOf('@');
        var local = at <= 0 ? "postmaster" : mailFrom[..at]; // RFC 7208 §4.3
        var question = new SpfQuestion(client.Unmapped(), helo, local, mailFrom[(at + 1)..], receiver, time.GetUtcNow());
        return CheckAsync(question, SpfIdentity.MailFrom, ct);
    }

    private async ValueTask<SpfVerdict> CheckAsync(SpfQuestion question, SpfIdentity identity, CancellationToken ct)
    {
        // RFC 8616 §4: internationalized names are asked for in A-labels.
        var name = question.SenderDomain.TrimEnd('.');
        if (!System.Text.Ascii.IsValid(name) && Domain.TryParse(name, out var domain)) name = domain.Ascii;
        if (!IsName(name)) return new SpfVerdict(AuthResult.None, identity, question.SenderDomain, "the domain is no name that could be asked for");
        using var limit = new CancellationTokenSource(TrustLimits.SpfTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            var outcome = await new SpfCheck(resolver, question with { SenderDomain = name }).RunAsync(name, both.Token);
            return new SpfVerdict(outcome.Result, identity, name, outcome.Evidence, outcome.Explanation);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return new SpfVerdict(AuthResult.TempError, identity, name, "the check took too long");
        }
    }

    // RFC 7208 §4.3: of several labels, none empty or too long, no address literal.
    private static bool IsName(string name)
    {
        if (name.Length > Domain.OctetsMax || !name.Contains('.', StringComparison.Ordinal) || name[0] == '[') return false;
        foreach (var range in name.AsSpan().Split('.'))
        {
            if (range.End.Value - range.Start.Value is 0 or > 63) return false;
        }
        return true;
    }
}

/// <summary>Everything that macros can tell of a client (RFC 7208 §7.2).</summary>
internal sealed record SpfQuestion(IPAddress Client, string Helo, string LocalPart, string SenderDomain, string Receiver, DateTimeOffset At);
