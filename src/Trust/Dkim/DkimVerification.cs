using System.Buffers;
using System.Security.Cryptography;

namespace Posthorn.Trust;

/// <summary>The signatures of one message, from its header to its end.</summary>
internal sealed class DkimVerification
{
    private readonly List<Candidate> _candidates = [];
    private readonly HeaderBlock _header;

    /// <summary>Asks for the keys at once, and for hashes of the body that is still to come.</summary>
    public DkimVerification(HeaderBlock header, BodyHashes bodies, DkimKeys keys, CancellationToken ct)
    {
        _header = header;
        foreach (var field in header.All("dkim-signature"u8))
        {
            // RFC 6376 §6.1: how many are looked at is ours to say.
            if (_candidates.Count == TrustLimits.SignaturesMax) break;
            _candidates.Add(new Candidate(field, Signed.Of(header, field, false, bodies, keys, ct)));
        }
    }

    /// <summary>After the end of the body; in the order of the fields.</summary>
    public async Task<IReadOnlyList<DkimVerdict>> FinishAsync(DateTimeOffset now)
    {
        var verdicts = new List<DkimVerdict>(_candidates.Count);
        foreach (var candidate in _candidates) verdicts.Add(await JudgeAsync(candidate.Signed, now));
        return verdicts;
    }

    private async Task<DkimVerdict> JudgeAsync(Signed signed, DateTimeOffset now)
    {
        if (signed.Signature is not { } signature) return new(signed.Fault.Result, "", "", "", "", 0, "", signed.Fault.Reason);
        var (result, reason, key) = await signed.CheckAsync(_header, now);
        var algorithm = signature.Algorithm == SigningAlgorithm.RsaSha256 ? "rsa-sha256" : "ed25519-sha256";
        var tail = Convert.ToBase64String(signature.Signature) is { Length: > 8 } text ? text[..8] : "";
        return new(result, signature.Domain, signature.Selector, signature.Identity, algorithm, key?.Bits ?? 0, tail, reason)
        {
            IsTesting = key?.IsTesting ?? false,
            SignedFields = signature.SignedFields,
        };
    }

    private readonly record struct Candidate(FieldPlace Field, Signed Signed);
}

/// <summary>A signature field with what its proof needs: the hash of the body and the key, both under way.</summary>
internal sealed class Signed
{
    private readonly FieldPlace _field;
    private readonly BodyHash? _body;
    private readonly Task<DkimKeyAnswer>? _key;

    private Signed(FieldPlace field, DkimSignature? signature, (AuthResult, string) fault, BodyHash? body, Task<DkimKeyAnswer>? key) =>
        (_field, Signature, Fault, _body, _key) = (field, signature, fault, body, key);

    /// <summary>Null when it cannot be read; <see cref="Fault"/> says why.</summary>
    public DkimSignature? Signature { get; }

    public (AuthResult Result, string Reason) Fault { get; }

    public static Signed Of(HeaderBlock header, FieldPlace field, bool arc, BodyHashes bodies, DkimKeys keys, CancellationToken ct)
    {
        if (!DkimSignature.TryParse(header.Value(field), arc, out var signature, out var fault)) return new Signed(field, null, fault, null, null);
        var body = bodies.Want(signature.RelaxedBody, signature.BodyLength);
        return new Signed(field, signature, default, body, keys.FindAsync(signature.Selector, signature.Domain, ct));
    }

    /// <summary>RFC 6376 §6.1.3, after the end of the body.</summary>
    public async Task<(AuthResult Result, string Reason, DkimPublicKey? Key)> CheckAsync(HeaderBlock header, DateTimeOffset now)
    {
        var signature = Signature!;
        DkimKeyAnswer answer;
        try
        {
            answer = await _key!;
        }
        catch (OperationCanceledException)
        {
            return (AuthResult.TempError, "the key did not come in time", null);
        }
        if (answer.Key is not { } key) return (answer.Result, answer.Reason, null);
        if (Objection(signature, key, now) is var (result, reason)) return (result, reason, key);
        var body = _body!;
        if (signature.BodyLength > body.Length) return (AuthResult.PermError, "the body is shorter than what was signed", key);
        if (!CryptographicOperations.FixedTimeEquals(body.Value, signature.BodyHash)) return (AuthResult.Fail, "the body was changed", key);
        if (!key.Verify(Hash(header, signature), signature.Signature)) return (AuthResult.Fail, "the signature does not fit the header", key);
        // RFC 6376 §8.2: whoever adds to a body that is signed in part says anything in the signer's name.
        return signature.BodyLength < body.Length ? (AuthResult.Policy, "a part of the body is not signed", key) : (AuthResult.Pass, "", key);
    }

    private static (AuthResult, string)? Objection(DkimSignature signature, DkimPublicKey key, DateTimeOffset now)
    {
        if (key.Algorithm != signature.Algorithm) return (AuthResult.PermError, "the key is of another type than the signature");
        if (key.Algorithm == SigningAlgorithm.RsaSha256)
        {
            if (key.Bits < TrustLimits.RsaBitsMin) return (AuthResult.Policy, $"a key of {key.Bits} bits proves nothing"); // RFC 8301 §3.2
            if (key.Bits > TrustLimits.RsaBitsMax) return (AuthResult.Policy, $"a key of {key.Bits} bits costs too much");
        }
        if (signature.ExpiresAt < now) return (AuthResult.Fail, "the signature has expired");
        if (key.IsStrict && signature.Identity.Length > 0
            && !signature.Identity.EndsWith("@" + signature.Domain, StringComparison.OrdinalIgnoreCase))
        {
            return (AuthResult.PermError, "the key is not for identities below the domain");
        }
        return null;
    }

    private byte[] Hash(HeaderBlock header, DkimSignature signature)
    {
        var selected = new List<FieldPlace>(signature.SignedFields.Count);
        header.Select(signature.SignedFields, selected);
        var canonical = new ArrayBufferWriter<byte>(4096);
        foreach (var field in selected) header.Write(field, signature.RelaxedHeader, canonical);
        HeaderBlock.Write(DkimSignature.WithoutSignature(header.Octets(_field)), signature.RelaxedHeader, canonical, ends: false);
        return SHA256.HashData(canonical.WrittenSpan);
    }
}
