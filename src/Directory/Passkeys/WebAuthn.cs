using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>What must hold of a ceremony in this browser, at this page, now.</summary>
/// <param name="Host">The name that passkeys are for: that of the page (the relying party id).</param>
/// <param name="Origin">As <c>https://mail.example.org</c>.</param>
/// <param name="IssuedAt">When a challenge was given to this browser for this purpose; null for one that was not, or is too old.</param>
public sealed record PasskeyCeremony(string Host, string Origin, Func<ReadOnlyMemory<byte>, DateTimeOffset?> IssuedAt);

/// <summary>A passkey that a browser has made.</summary>
public sealed record PasskeyCreation(byte[] ClientData, byte[] Attestation);

/// <summary>What a browser shows to log in with a passkey.</summary>
public sealed record PasskeyAssertion(byte[] CredentialId, byte[] ClientData, byte[] AuthenticatorData, byte[] Signature, byte[] UserHandle);

/// <summary>The two ceremonies of WebAuthn level 2, as far as they need no stored passkey: §7.1 and §7.2.</summary>
internal static class WebAuthn
{
    /// <summary>Of each part that a browser sends.</summary>
    public const int OctetsMax = 16 * 1024;

    /// <summary>§4, credential id.</summary>
    public const int CredentialIdOctetsMax = 1023;

    private static readonly Refusal Unreadable = new(RefusalKind.Invalid, "the browser sent a passkey that cannot be read");
    private static readonly Refusal Elsewhere = new(RefusalKind.NotAuthenticated, "the passkey is not for this page, or was asked for too long ago");
    private static readonly Refusal Unverified = new(
        RefusalKind.NotAuthenticated, "the passkey did not check who uses it; set a PIN or a fingerprint");

    /// <summary>§7.1: a new passkey. Attestation is not asked for, so who made the authenticator is not looked at.</summary>
    public static Result<NewPasskey> CheckCreation(PasskeyCreation creation, PasskeyCeremony ceremony)
    {
        if (!ClientData.TryRead(creation.ClientData, out var client)) return Unreadable;
        if (!TryReadAttestation(creation.Attestation, out var octets) || !AuthenticatorData.TryRead(octets, out var data)) return Unreadable;
        if (data.Credential is not { } credential || !CoseKey.TryRead(credential.Key, out _)) return Unreadable;
        if (Check(client, data, "webauthn.create", ceremony, out _) is { } refusal) return refusal;
        return new NewPasskey(credential.Id.ToArray(), credential.Key.ToArray(), data.Counter, data.IsBackedUp);
    }

    /// <summary>§7.2: a passkey is used. The signature is checked first, so that nothing can be learnt without the key.</summary>
    public static Result<UsedPasskey> CheckAssertion(PasskeyAssertion assertion, ReadOnlyMemory<byte> storedKey, PasskeyCeremony ceremony)
    {
        if (!ClientData.TryRead(assertion.ClientData, out var client)) return Unreadable;
        if (!AuthenticatorData.TryRead(assertion.AuthenticatorData, out var data) || assertion.Signature.Length > OctetsMax) return Unreadable;
        byte[] signed = [.. assertion.AuthenticatorData, .. SHA256.HashData(assertion.ClientData)];
        if (!CoseKey.TryRead(storedKey, out var key) || !key.Verifies(signed, assertion.Signature)) return Elsewhere;
        if (Check(client, data, "webauthn.get", ceremony, out var issued) is { } refusal) return refusal;
        return new UsedPasskey(data.Counter, data.IsBackedUp, issued);
    }

    private static Refusal? Check(ClientData client, AuthenticatorData data, string type, PasskeyCeremony ceremony, out DateTimeOffset issued)
    {
        issued = default;
        if (client.Type != type || client.IsCrossOrigin || client.Origin != ceremony.Origin) return Elsewhere;
        if (ceremony.IssuedAt(client.Challenge) is not { } at) return Elsewhere;
        issued = at;
        var host = SHA256.HashData(Encoding.UTF8.GetBytes(ceremony.Host));
        if (!CryptographicOperations.FixedTimeEquals(data.RelyingPartyHash.Span, host)) return Elsewhere;
        return data is { IsUserPresent: true, IsUserVerified: true } ? null : Unverified;
    }

    // §6.5.4: a map of fmt, attStmt and authData.
    internal static bool TryReadAttestation(byte[] attestation, out ReadOnlyMemory<byte> data)
    {
        data = default;
        if (attestation.Length > OctetsMax) return false;
        try
        {
            var reader = new CborReader(attestation, CborConformanceMode.Lax);
            reader.ReadStartMap();
            while (reader.PeekState() != CborReaderState.EndMap)
            {
                if (reader.ReadTextString() == "authData") data = reader.ReadByteString();
                else reader.SkipValue();
            }
            reader.ReadEndMap();
            return !data.IsEmpty && reader.BytesRemaining == 0;
        }
        catch (Exception wrong) when (wrong is CborContentException or InvalidOperationException)
        {
            return false;
        }
    }
}

internal sealed record NewPasskey(byte[] Id, byte[] Key, uint Counter, bool IsBackedUp);

internal sealed record UsedPasskey(uint Counter, bool IsBackedUp, DateTimeOffset IssuedAt);
