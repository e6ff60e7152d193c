using System.Net;
using System.Net.Sockets;
using Posthorn.Dns;

namespace Posthorn.Trust;

internal readonly record struct SpfOutcome(AuthResult Result, string Evidence, string? Explanation = null);

/// <summary>One run of check_host (RFC 7208 §4), with what it has asked so far.</summary>
internal sealed class SpfCheck(Resolver resolver, SpfQuestion question)
{
    private readonly SpfExpansion _expansion = new(resolver, question);
    private int _lookups;
    private int _voids;

    public async ValueTask<SpfOutcome> RunAsync(string domain, CancellationToken ct)
    {
        try
        {
            return await CheckHostAsync(domain, explains: true, ct);
        }
        catch (SpfErrorException error)
        {
            return new SpfOutcome(error.Result, error.Message);
        }
    }

    private async ValueTask<SpfOutcome> CheckHostAsync(string domain, bool explains, CancellationToken ct)
    {
        if (await RecordAsync(domain, ct) is not { } record) return new SpfOutcome(AuthResult.None, $"{domain} has no SPF record");
        foreach (var directive in record.Directives)
        {
            if (!await MatchesAsync(directive, domain, ct)) continue;
            var explanation = directive.Result == AuthResult.Fail && explains && record.Explanation is { } source
                ? await ExplainAsync(source, domain, ct) : null;
            return new SpfOutcome(directive.Result, $"{directive.Text} of {domain}", explanation);
        }
        if (record.Redirect is null) return new SpfOutcome(AuthResult.Neutral, $"nothing in the record of {domain} matches");
        CountLookup();
        var target = await _expansion.DomainAsync(record.Redirect, domain, ct);
        var outcome = await CheckHostAsync(target, explains, ct);
        // RFC 7208 §6.1
        return outcome.Result == AuthResult.None ? throw Permanent($"{domain} redirects to {target}, which has no record") : outcome;
    }

    /// <summary>RFC 7208 §4.4, §4.5.</summary>
    private async ValueTask<SpfRecord?> RecordAsync(string domain, CancellationToken ct)
    {
        var answer = await resolver.TxtAsync(domain, ct);
        if (answer.Status == DnsStatus.Failed) throw Temporary(answer.Failure, domain);
        string? text = null;
        foreach (var candidate in answer.Records)
        {
            if (!SpfRecord.IsSpf(candidate)) continue;
            if (text is not null) throw Permanent($"{domain} has more than one SPF record");
            text = candidate;
        }
        if (text is null) return null;
        return SpfRecord.TryParse(text, out var record, out var wrong) ? record : throw Permanent($"wrong in the record of {domain}: {Shown(wrong)}");
    }

    private ValueTask<bool> MatchesAsync(SpfDirective directive, string domain, CancellationToken ct)
    {
        switch (directive.Mechanism)
        {
            case SpfMechanism.All:
                return new(true);
            case SpfMechanism.Ip4 or SpfMechanism.Ip6:
                return new(Holds(directive.Network!, directive, question.Client));
        }
        CountLookup();
        return directive.Mechanism switch
        {
            SpfMechanism.Include => IncludeAsync(directive, domain, ct),
            SpfMechanism.A => AddressAsync(directive, domain, ct),
            SpfMechanism.Mx => ExchangeAsync(directive, domain, ct),
            SpfMechanism.Ptr => PointerAsync(directive, domain, ct),
            _ => ExistsAsync(directive, domain, ct),
        };
    }

    // RFC 7208 §5.2
    private async ValueTask<bool> IncludeAsync(SpfDirective directive, string domain, CancellationToken ct)
    {
        var target = await _expansion.DomainAsync(directive.Target!, domain, ct);
        var outcome = await CheckHostAsync(target, explains: false, ct);
        return outcome.Result switch
        {
            AuthResult.Pass => true,
            AuthResult.None => throw Permanent($"{domain} includes {target}, which has no record"),
            _ => false,
        };
    }

    // RFC 7208 §5.3
    private async ValueTask<bool> AddressAsync(SpfDirective directive, string domain, CancellationToken ct)
    {
        var name = await TargetAsync(directive, domain, ct);
        var answer = await resolver.AddressesAsync(name, question.Client.AddressFamily, ct);
        if (answer.Status == DnsStatus.Failed) throw Temporary(answer.Failure, name);
        if (!answer.Ok) CountVoid();
        return answer.Records.Any(address => Holds(address, directive, question.Client));
    }

    // RFC 7208 §5.4
    private async ValueTask<bool> ExchangeAsync(SpfDirective directive, string domain, CancellationToken ct)
    {
        var name = await TargetAsync(directive, domain, ct);
        var exchanges = await resolver.MxAsync(name, ct);
        if (exchanges.Status == DnsStatus.Failed) throw Temporary(exchanges.Failure, name);
        if (!exchanges.Ok) CountVoid();
        if (exchanges.Records.Count > TrustLimits.SpfNamesMax) throw Permanent($"{name} has more than {TrustLimits.SpfNamesMax} exchanges");
        foreach (var exchange in exchanges.Records)
        {
            if (exchange.Exchange.Length == 0) continue;
            var answer = await resolver.AddressesAsync(exchange.Exchange, question.Client.AddressFamily, ct);
            if (answer.Status == DnsStatus.Failed) throw Temporary(answer.Failure, exchange.Exchange);
            if (answer.Records.Any(address => Holds(address, directive, question.Client))) return true;
        }
        return false;
    }

    // RFC 7208 §5.5: what cannot be asked does not match.
    private async ValueTask<bool> PointerAsync(SpfDirective directive, string domain, CancellationToken ct)
    {
        var target = await TargetAsync(directive, domain, ct);
        var names = await _expansion.NamesAsync(ct);
        if (names.IsVoid) CountVoid();
        return names.Validated.Exists(name => SpfExpansion.IsWithin(name, target));
    }

    // RFC 7208 §5.7: always A records.
    private async ValueTask<bool> ExistsAsync(SpfDirective directive, string domain, CancellationToken ct)
    {
        var name = await _expansion.DomainAsync(directive.Target!, domain, ct);
        var answer = await resolver.AddressesAsync(name, AddressFamily.InterNetwork, ct);
        if (answer.Status == DnsStatus.Failed) throw Temporary(answer.Failure, name);
        if (!answer.Ok) CountVoid();
        return answer.Ok;
    }

    /// <summary>RFC 7208 §6.2: whatever goes wrong here, there is no explanation.</summary>
    private async ValueTask<string?> ExplainAsync(SpfMacroString source, string domain, CancellationToken ct)
    {
        var name = await _expansion.DomainAsync(source, domain, ct);
        var answer = await resolver.TxtAsync(name, ct);
        if (answer.Records is not [var text] || !SpfMacroString.TryParseExplanation(text, out var macros)) return null;
        var explanation = Shown(await _expansion.TextAsync(macros, domain, ct));
        return explanation.Length == 0 ? null : explanation;
    }

    private async ValueTask<string> TargetAsync(SpfDirective directive, string domain, CancellationToken ct) =>
        directive.Target is null ? domain : await _expansion.DomainAsync(directive.Target, domain, ct);

    private void CountLookup()
    {
        if (++_lookups > TrustLimits.SpfLookupsMax) throw Permanent($"more than {TrustLimits.SpfLookupsMax} terms ask the name system");
    }

    private void CountVoid()
    {
        if (++_voids > TrustLimits.SpfVoidLookupsMax) throw Permanent($"more than {TrustLimits.SpfVoidLookupsMax} questions have no answer");
    }

    private static bool Holds(IPAddress network, SpfDirective directive, IPAddress client)
    {
        if (network.AddressFamily != client.AddressFamily) return false;
        Span<byte> one = stackalloc byte[16], other = stackalloc byte[16];
        network.TryWriteBytes(one, out _);
        client.TryWriteBytes(other, out _);
        var bits = client.AddressFamily == AddressFamily.InterNetwork ? directive.Prefix4 : directive.Prefix6;
        var whole = bits / 8;
        if (!one[..whole].SequenceEqual(other[..whole])) return false;
        return bits % 8 == 0 || (one[whole] ^ other[whole]) >> (8 - bits % 8) == 0;
    }

    // What the name system says goes into replies and logs: printable ASCII, and not too much of it.
    private static string Shown(string text) =>
        string.Create(Math.Min(text.Length, TrustLimits.SpfExplanationCharsMax), text, static (span, from) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = from[i] is >= ' ' and <= '~' ? from[i] : '?';
        });

    private static SpfErrorException Permanent(string reason) => new(AuthResult.PermError, reason);

    private static SpfErrorException Temporary(string? failure, string name) =>
        new(AuthResult.TempError, failure ?? $"{name} could not be asked for");

    /// <summary>Ends a check out of the depth of its includes.</summary>
#pragma warning disable CA1064 // it is caught in RunAsync
    private sealed class SpfErrorException(AuthResult result, string reason) : Exception(reason)
    {
        public AuthResult Result => result;
    }
#pragma warning restore CA1064
}
