using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace Posthorn.Trust;

/// <summary>The chain of one message, from its header to its end (RFC 8617 §5.2).</summary>
internal sealed class ArcValidation
{
    private readonly HeaderBlock _header;
    private readonly DkimKeys _keys;
    private readonly List<Set> _sets = [];
    private readonly CancellationToken _ct;
    private readonly string? _fault;
    private readonly Signed? _newest;
    private readonly Task<DkimKeyAnswer>[] _sealKeys = [];

    public ArcValidation(HeaderBlock header, BodyHashes bodies, DkimKeys keys, CancellationToken ct)
    {
        (_header, _keys, _ct) = (header, keys, ct);
        _fault = Collect();
        if (_sets.Count == 0 || _fault is not null) return;
        _newest = Signed.Of(header, _sets[^1].MessageSignature!.Value, true, bodies, keys, ct);
        _sealKeys = [.. _sets.Select(set => _keys.FindAsync(set.Seal!.Selector, set.Seal.Domain, _ct))];
    }

    /// <summary>The highest number that a field claims, also in a chain that is broken.</summary>
    public int Highest { get; private set; }

    /// <summary>The fields of a sound chain in the order in which seals cover them (RFC 8617 §5.1.1).</summary>
    public IEnumerable<FieldPlace> Fields =>
        _sets.SelectMany(static set => (IEnumerable<FieldPlace>)[set.Results!.Value, set.MessageSignature!.Value, set.SealField!.Value]);

    /// <summary>After the end of the body.</summary>
    public async Task<ArcVerdict> FinishAsync(DateTimeOffset now)
    {
        if (Highest == 0 && _fault is null) return ArcVerdict.None;
        var closed = _sets.Count > 0 && _sets[^1].Seal?.Chain == "fail";
        if (_fault is not null) return new ArcVerdict(AuthResult.Fail, Highest, [], _fault) { IsClosed = closed };
        if (_newest!.Signature is null) return Broken($"ARC-Message-Signature {Highest}: {_newest.Fault.Reason}");
        var (result, reason, _) = await _newest.CheckAsync(_header, now);
        if (result != AuthResult.Pass) return Broken($"ARC-Message-Signature {Highest}: {reason}");
        return await SealFaultAsync() is { } broken ? Broken(broken) : new ArcVerdict(AuthResult.Pass, Highest, [.. _sets.Select(Told)], "");

        ArcVerdict Broken(string why) => new(AuthResult.Fail, Highest, [], why);
    }

    private ArcSeal Told(Set set)
    {
        var value = _header.Value(set.Results!.Value);
        return new(set.Number, set.Seal!.Domain, set.Seal.Selector, value[(value.IndexOf(';', StringComparison.Ordinal) + 1)..].Trim());
    }

    /// <returns>What is wrong with the structure (RFC 8617 §5.2, steps 1 to 3).</returns>
    private string? Collect()
    {
        foreach (var field in _header.Fields)
        {
            var name = _header.Name(field);
            if (name.Length < 8 || !System.Text.Ascii.EqualsIgnoreCase(name[..4], "arc-"u8)) continue;
            if (Take(field) is { } fault) return fault;
        }
        if (_sets.Count > 0 && _sets[^1].Seal?.Chain == "fail") return "the chain was broken before it came here";
        foreach (var set in _sets)
        {
            if (set.Results is null || set.MessageSignature is null || set.Seal is null) return $"set {set.Number} is not whole";
            if (set.Seal.Chain != (set.Number == 1 ? "none" : "pass")) return $"ARC-Seal {set.Number} says cv={set.Seal.Chain}";
        }
        return null;
    }

    private string? Take(FieldPlace field)
    {
        if (_header.Is(field, "arc-authentication-results"u8))
        {
            var value = _header.Value(field);
            if (!TryInstance(value, out var number)) return "ARC-Authentication-Results has no number";
            return At(number) is { Results: null } set ? Keep(set with { Results = field })
                : $"ARC-Authentication-Results {number} comes twice, or never could";
        }
        if (_header.Is(field, "arc-message-signature"u8))
        {
            if (!TagList.TryParse(_header.Value(field), out var tags)
                || !TryNumber(tags["i"], out var number)) return "ARC-Message-Signature has no number";
            return At(number) is { MessageSignature: null } set ? Keep(set with { MessageSignature = field })
                : $"ARC-Message-Signature {number} comes twice, or never could";
        }
        if (_header.Is(field, "arc-seal"u8))
        {
            if (!SealTags.TryParse(_header.Value(field), out var seal, out var reason)) return "ARC-Seal: " + reason;
            return At(seal.Number) is { SealField: null } set ? Keep(set with { SealField = field, Seal = seal })
                : $"ARC-Seal {seal.Number} comes twice, or never could";
        }
        return null;
    }

    private Set? At(int number)
    {
        Highest = Math.Max(Highest, number);
        if (number > TrustLimits.ArcSetsMax) return null;
        while (_sets.Count < number) _sets.Add(new Set(_sets.Count + 1, null, null, null, null));
        return _sets[number - 1];
    }

    private string? Keep(Set set)
    {
        _sets[set.Number - 1] = set;
        return null;
    }

    /// <summary>RFC 8617 §5.2 step 6: each seal covers what came before it.</summary>
    private async Task<string?> SealFaultAsync()
    {
        var canonical = new ArrayBufferWriter<byte>(8192);
        for (var i = 0; i < _sets.Count; i++)
        {
            var set = _sets[i];
            _header.Write(set.Results!.Value, true, canonical);
            _header.Write(set.MessageSignature!.Value, true, canonical);
            var answer = await AnswerAsync(_sealKeys[i]);
            if (answer.Key is not { } key) return $"ARC-Seal {set.Number}: {answer.Reason}";
            if (key.Algorithm != set.Seal!.Algorithm) return $"ARC-Seal {set.Number}: the key is of another type";
            if (key.Algorithm == SigningAlgorithm.RsaSha256 && key.Bits is < TrustLimits.RsaBitsMin or > TrustLimits.RsaBitsMax)
            {
                return $"ARC-Seal {set.Number}: a key of {key.Bits} bits is not taken";
            }
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(canonical.WrittenSpan);
            var own = new ArrayBufferWriter<byte>(1024);
            HeaderBlock.Write(DkimSignature.WithoutSignature(_header.Octets(set.SealField!.Value)), true, own, ends: false);
            hash.AppendData(own.WrittenSpan);
            if (!key.Verify(hash.GetHashAndReset(), set.Seal.Signature)) return $"ARC-Seal {set.Number}: the signature does not fit";
            _header.Write(set.SealField.Value, true, canonical);
        }
        return null;
    }

    // RFC 8617 §5.2.1: what could not be asked for is a failure like any other.
    private static async Task<DkimKeyAnswer> AnswerAsync(Task<DkimKeyAnswer> key)
    {
        try
        {
            return await key;
        }
        catch (OperationCanceledException)
        {
            return new(null, AuthResult.TempError, "the key did not come in time");
        }
    }

    // i=1; the rest is that of Authentication-Results, which is no list of tags.
    private static bool TryInstance(string value, out int number)
    {
        number = 0;
        var end = value.IndexOf(';', StringComparison.Ordinal);
        if (end < 0) return false;
        var tag = value.AsSpan(0, end).Trim(" \t\r\n");
        if (tag.IsEmpty || tag[0] is not ('i' or 'I')) return false;
        tag = tag[1..].TrimStart(" \t\r\n");
        return !tag.IsEmpty && tag[0] == '=' && TryNumber(tag[1..].Trim(" \t\r\n").ToString(), out number);
    }

    private static bool TryNumber(string? text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number is > 0 and < 1000;

    private sealed record Set(int Number, FieldPlace? Results, FieldPlace? MessageSignature, FieldPlace? SealField, SealTags? Seal);

    /// <summary>What an ARC-Seal says (RFC 8617 §4.1.3).</summary>
    private sealed record SealTags(int Number, SigningAlgorithm Algorithm, byte[] Signature, string Domain, string Selector, string Chain)
    {
        public static bool TryParse(string value, [NotNullWhen(true)] out SealTags? seal, out string reason)
        {
            seal = null;
            reason = "it is no list of tags";
            if (!TagList.TryParse(value, out var tags)) return false;
            reason = "a tag is wrong or missing";
            if (!TryNumber(tags["i"], out var number) || tags["h"] is not null) return false;
            if (tags.Octets("b") is not { Length: > 0 } signature) return false;
            if (tags["d"] is not { } domain || !Core.Domain.TryParse(domain, out _) || tags["s"] is not { Length: > 0 } selector) return false;
            var chain = tags["cv"]?.ToLowerInvariant();
            if (chain is not ("none" or "pass" or "fail")) return false;
            if (tags["t"] is { } time && (time.Length is 0 or > 15 || time.AsSpan().ContainsAnyExceptInRange('0', '9'))) return false;
            SigningAlgorithm? algorithm = tags["a"]?.ToLowerInvariant() switch
            {
                "rsa-sha256" => SigningAlgorithm.RsaSha256,
                "ed25519-sha256" => SigningAlgorithm.Ed25519Sha256,
                _ => null,
            };
            if (algorithm is null) return false;
            seal = new SealTags(number, algorithm.Value, signature, domain.ToLowerInvariant(), selector.ToLowerInvariant(), chain);
            return true;
        }
    }
}
