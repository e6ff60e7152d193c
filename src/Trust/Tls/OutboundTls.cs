using System.Security.Cryptography.X509Certificates;
using Posthorn.Core;
using Posthorn.Dns;

namespace Posthorn.Trust;

// What TLS with another server must be like is decided here, as a value; Delivery's outbound does what it says.
//
// What holds here:
//  * Without a word from the domain or the operator TLS is opportunistic (RFC 7435): what is offered is used, nothing is demanded.
//  * TLSA records count only when every answer on the way to them was authentic (RFC 7672 §2.1): the exchanges, the addresses, the records.
//    Authentic is what a resolver on this very machine has validated; of any other the bit means nothing.
//  * A name whose TLSA records cannot be had, though the way to it is authentic, is not spoken with: to go on would be what an attacker wants.
//  * DANE outweighs MTA-STS where both apply (RFC 8461 §2); the operator's override outweighs both; REQUIRETLS outweighs the override.

/// <summary>How a session must be protected.</summary>
public enum TlsLevel
{
    /// <summary>No TLS.</summary>
    None,

    /// <summary>Where it is offered.</summary>
    May,

    /// <summary>With any certificate.</summary>
    Encrypt,

    /// <summary>With a certificate for the host's name that is trusted.</summary>
    Verify,

    /// <summary>With a certificate that a TLSA record names.</summary>
    Dane,
}

/// <summary>Finds out what TLS with the servers of a domain must be like.</summary>
public sealed class OutboundTls(
    TlsOverrides overrides, StsCache policies, Resolver resolver, TimeProvider time, X509Certificate2Collection? roots = null)
{
    /// <param name="authentic">The domain's exchanges, or that it has none, are known for certain (DNSSEC).</param>
    /// <param name="required">The message asks for protection whatever the domain says (REQUIRETLS, RFC 8689).</param>
    public async ValueTask<DomainTls> ForAsync(Domain domain, bool authentic, bool required, CancellationToken ct)
    {
        var requirement = required ? null : await overrides.FindAsync(domain, ct);
        var sts = requirement is null ? await policies.FindAsync(domain, ct) : new StsFound(null, null);
        return new DomainTls(domain, authentic, required, requirement, sts, resolver, time.GetUtcNow(), roots);
    }
}

/// <summary>What holds for all servers of a domain, for one attempt.</summary>
public sealed class DomainTls
{
    private readonly bool _authentic;
    private readonly bool _required;
    private readonly TlsRequirement? _override;
    private readonly Resolver _resolver;
    private readonly DateTimeOffset _now;
    private readonly X509Certificate2Collection? _roots;

    internal DomainTls(
        Domain domain, bool authentic, bool required, TlsRequirement? requirement, StsFound sts, Resolver resolver, DateTimeOffset now,
        X509Certificate2Collection? roots)
    {
        (Domain, _authentic, _required, _override, _resolver, _now, _roots) = (domain, authentic, required, requirement, resolver, now, roots);
        (Sts, StsFailure) = (sts.Policy, sts.Failure);
    }

    public Domain Domain { get; }

    /// <summary>The MTA-STS policy that holds.</summary>
    public StsPolicy? Sts { get; }

    /// <summary>A policy is announced and could not be had.</summary>
    public StsFetch? StsFailure { get; }

    /// <summary>That a policy is announced and could not be had, as the reports tell it.</summary>
    public TlsSession Announced(StsFetch failure) =>
        new(Domain, "sts", "", "", null, failure.ResultType ?? "sts-policy-fetch-error", failure.Reason);

    /// <summary>What must hold for one exchange.</summary>
    /// <param name="authentic">The host's addresses are known for certain.</param>
    public async ValueTask<HostTls> ForHostAsync(string host, int port, bool authentic, CancellationToken ct)
    {
        switch (_override)
        {
            case TlsRequirement.None: return Make(host, TlsLevel.None);
            case TlsRequirement.May: return Make(host, TlsLevel.May);
            case TlsRequirement.Encrypt: return Make(host, TlsLevel.Encrypt);
            case TlsRequirement.Verify: return Make(host, TlsLevel.Verify);
        }
        var dane = _authentic && authentic ? await DaneAsync(host, port, ct) : null;
        if (_override == TlsRequirement.DaneOnly && dane is not { Level: TlsLevel.Dane })
        {
            return dane is { Refusal: not null } ? dane : Refuse(host, "tlsa", "dane-required", $"{host} has no TLSA records that can be used");
        }
        if (_required) return Required(host, dane);
        return dane ?? BySts(host);
    }

    // RFC 8689 §4.2.1: the host's name is vouched for by DNSSEC or MTA-STS, and its certificate is proven.
    private HostTls Required(string host, HostTls? dane)
    {
        if (dane is { Refusal: not null } or { Level: TlsLevel.Dane }) return dane;
        if (!_authentic && Sts?.Names(host) != true)
        {
            return Refuse(host, "no-policy-found", "validation-failure", $"neither DNSSEC nor MTA-STS vouches for {host}, which REQUIRETLS asks for");
        }
        return Make(host, TlsLevel.Verify, Sts is null ? "no-policy-found" : "sts");
    }

    private HostTls BySts(string host)
    {
        if (Sts is not { } policy) return Make(host, TlsLevel.May);
        var named = policy.Names(host);
        if (policy.Mode == StsMode.Enforce)
        {
            return named ? Make(host, TlsLevel.Verify, "sts") : Refuse(host, "sts", "validation-failure", $"the MTA-STS policy does not name {host}");
        }
        return Make(host, TlsLevel.May, "sts") with
        {
            IsWatched = true,
            Mismatch = named ? null : new CertificateFault("validation-failure", $"the MTA-STS policy does not name {host}"),
        };
    }

    // Null when there are no TLSA records to follow.
    private async ValueTask<HostTls?> DaneAsync(string host, int port, CancellationToken ct)
    {
        var answer = await _resolver.TlsaAsync(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"_{port}._tcp.{host}"), ct);
        if (answer.Status == DnsStatus.Failed)
        {
            return Refuse(host, "tlsa", "dnssec-invalid", answer.Failure ?? $"the TLSA records of {host} cannot be looked up"); // RFC 7672 §2.1.2
        }
        if (!answer.Ok || !answer.Authentic) return null;
        TlsaRecord[] usable = [.. answer.Records.Where(Dane.IsUsable).Take(TlsLimits.AssociationsMax)];
        var strings = answer.Records.Take(TlsLimits.AssociationsMax).Select(static record => record.ToString());
        // RFC 7672 §2.2: records that nobody can use still say that there is TLS.
        return Make(host, usable.Length > 0 ? TlsLevel.Dane : TlsLevel.Encrypt, "tlsa") with
        {
            Associations = usable,
            PolicyText = string.Join('\n', strings),
        };
    }

    private HostTls Make(string host, TlsLevel level, string policyType = "no-policy-found") => new(Domain, host, level, policyType)
    {
        // RFC 7672 §3.2.2: below a trust anchor the certificate may be for the domain as well.
        Names = level == TlsLevel.Verify || policyType != "tlsa" || host == Domain.Ascii ? [host] : [host, Domain.Ascii],
        Roots = _roots,
        Now = _now,
        PolicyText = policyType == "sts" && Sts is { } policy ? string.Join('\n', policy.Lines) : "",
        Hosts = policyType == "sts" && Sts is { } named ? named.Hosts : [],
    };

    private HostTls Refuse(string host, string policyType, string resultType, string reason) =>
        Make(host, TlsLevel.Encrypt, policyType) with { Refusal = new CertificateFault(resultType, reason) };
}

/// <summary>What must hold for the session with one host.</summary>
/// <param name="PolicyType">RFC 8460 §4.4: <c>tlsa</c>, <c>sts</c> or <c>no-policy-found</c>.</param>
public sealed record HostTls(Domain Domain, string Host, TlsLevel Level, string PolicyType)
{
    /// <summary>Opportunistic TLS, as with a relay or where nobody asks for anything.</summary>
    public static HostTls Opportunistic(Domain domain, string host) => new(domain, host, TlsLevel.May, "no-policy-found") { Names = [host] };

    /// <summary>The host must not be spoken with at all.</summary>
    public CertificateFault? Refusal { get; init; }

    /// <summary>TLS must work.</summary>
    public bool IsMandatory => Level >= TlsLevel.Encrypt;

    /// <summary>The certificate must prove something.</summary>
    public bool IsProven => Level >= TlsLevel.Verify;

    /// <summary>The certificate is judged for the reports only (MTA-STS in testing mode).</summary>
    public bool IsWatched { get; init; }

    /// <summary>The lines of the policy, for the reports.</summary>
    public string PolicyText { get; init; } = "";

    /// <summary>Sessions under equal keys may carry each other's messages.</summary>
    public string Key => $"{Level} {PolicyType} {Host} {PolicyText}";

    internal IReadOnlyList<TlsaRecord> Associations { get; init; } = [];

    internal IReadOnlyList<string> Names { get; init; } = [];

    internal IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>What would forbid the host if the policy were enforced.</summary>
    internal CertificateFault? Mismatch { get; init; }

    internal X509Certificate2Collection? Roots { get; init; }

    internal DateTimeOffset Now { get; init; }

    public CertificateCheck Check() => new(this);

    /// <summary>How a session went that has begun.</summary>
    /// <param name="fault">What was wrong with TLS; null when nothing was.</param>
    public TlsSession SessionOf(CertificateFault? fault, string? receiving)
    {
        var told = fault ?? Mismatch;
        return new TlsSession(Domain, PolicyType, PolicyText, Host, receiving, told?.ResultType ?? TlsSession.Success, told?.Reason);
    }
}
