using System.Buffers.Binary;
using System.Formats.Cbor;

namespace Posthorn.Directory;

/// <summary>What an authenticator says and signs (WebAuthn level 2 §6.1).</summary>
/// <param name="RelyingPartyHash">SHA-256 of the name that the passkey is for.</param>
/// <param name="Counter">Rises with each use; always 0 on authenticators that keep none.</param>
/// <param name="Credential">The new passkey; null where none was made.</param>
internal sealed record AuthenticatorData(ReadOnlyMemory<byte> RelyingPartyHash, byte Flags, uint Counter, AttestedCredential? Credential)
{
    private const int HeadOctets = 37;
    private const int AaguidOctets = 16;
    private const byte AttestedFlag = 0x40;
    private const byte ExtensionsFlag = 0x80;

    /// <summary>Somebody touched the authenticator.</summary>
    public bool IsUserPresent => (Flags & 0x01) != 0;

    /// <summary>It knows who: by a finger, a face or a PIN.</summary>
    public bool IsUserVerified => (Flags & 0x04) != 0;

    /// <summary>The passkey is kept elsewhere too (WebAuthn level 3 §6.1.3).</summary>
    public bool IsBackedUp => (Flags & 0x10) != 0;

    public static bool TryRead(ReadOnlyMemory<byte> octets, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out AuthenticatorData? data)
    {
        data = null;
        if (octets.Length is < HeadOctets or > WebAuthn.OctetsMax) return false;
        var span = octets.Span;
        var flags = span[32];
        var rest = octets[HeadOctets..];
        AttestedCredential? credential = null;
        if ((flags & AttestedFlag) != 0 && !TryReadCredential(ref rest, out credential)) return false;
        if ((flags & ExtensionsFlag) != 0 && !TrySkip(ref rest)) return false;
        if (!rest.IsEmpty) return false;
        data = new AuthenticatorData(octets[..32], flags, BinaryPrimitives.ReadUInt32BigEndian(span[33..]), credential);
        return true;
    }

    // §6.5.1: AAGUID, length of the id, the id, the key in CBOR.
    private static bool TryReadCredential(ref ReadOnlyMemory<byte> rest, out AttestedCredential? credential)
    {
        credential = null;
        if (rest.Length < AaguidOctets + 2) return false;
        var length = BinaryPrimitives.ReadUInt16BigEndian(rest.Span[AaguidOctets..]);
        var at = AaguidOctets + 2;
        if (length is 0 or > WebAuthn.CredentialIdOctetsMax || rest.Length < at + length) return false;
        var id = rest.Slice(at, length);
        var before = rest[(at + length)..];
        rest = before;
        if (!TrySkip(ref rest)) return false;
        credential = new AttestedCredential(id, before[..(before.Length - rest.Length)]);
        return true;
    }

    private static bool TrySkip(ref ReadOnlyMemory<byte> rest)
    {
        try
        {
            var reader = new CborReader(rest, CborConformanceMode.Ctap2Canonical, allowMultipleRootLevelValues: true);
            reader.SkipValue();
            rest = rest[(rest.Length - reader.BytesRemaining)..];
            return true;
        }
        catch (Exception wrong) when (wrong is CborContentException or InvalidOperationException)
        {
            return false;
        }
    }
}

/// <param name="Key">In COSE's form.</param>
internal sealed record AttestedCredential(ReadOnlyMemory<byte> Id, ReadOnlyMemory<byte> Key);
