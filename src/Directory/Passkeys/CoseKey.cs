using System.Formats.Cbor;
using System.Security.Cryptography;
using NSec.Cryptography;

namespace Posthorn.Directory;

/// <summary>
/// The public key of a passkey (RFC 9052 §7, RFC 9053 §2 and §7): ES256 on P-256, RS256, or EdDSA on Ed25519. The algorithm is the key's own;
/// nothing that comes with a signature chooses it.
/// </summary>
internal sealed class CoseKey
{
    /// <summary>RFC 9053 §2.1, §2.2 and RFC 8812 §2, in the order of preference.</summary>
    public static readonly IReadOnlyList<int> Algorithms = [Es256, EdDsa, Rs256];

    /// <summary>Longest encoded key that is taken, in octets: RSA with 4,096 bits fits.</summary>
    public const int OctetsMax = 1024;

    private const int Es256 = -7;
    private const int EdDsa = -8;
    private const int Rs256 = -257;

    private const int KeyTypeOkp = 1;
    private const int KeyTypeEc2 = 2;
    private const int KeyTypeRsa = 3;
    private const int CurveP256 = 1;
    private const int CurveEd25519 = 6;
    private const int RsaBitsMin = 2048;
    private const int RsaBitsMax = 4096;

    private readonly int _algorithm;
    private readonly byte[] _first;
    private readonly byte[] _second;

    private CoseKey(int algorithm, byte[] first, byte[] second) => (_algorithm, _first, _second) = (algorithm, first, second);

    public static bool TryRead(ReadOnlyMemory<byte> cbor, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out CoseKey? key)
    {
        key = null;
        if (cbor.Length > OctetsMax) return false;
        try
        {
            var reader = new CborReader(cbor, CborConformanceMode.Ctap2Canonical);
            key = Read(reader);
            return key is not null && reader.BytesRemaining == 0;
        }
        catch (Exception wrong) when (wrong is CborContentException or InvalidOperationException or OverflowException)
        {
            key = null;
            return false;
        }
    }

    /// <summary>Whether the signature over the data is of this key.</summary>
    public bool Verifies(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        try
        {
            switch (_algorithm)
            {
                case Es256:
                    using (var ec = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = { X = _first, Y = _second } }))
                    {
                        // WebAuthn level 2 §6.5.6: signatures of ES256 are in DER.
                        return ec.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
                    }
                case Rs256:
                    using (var rsa = RSA.Create(new RSAParameters { Modulus = _first, Exponent = _second }))
                    {
                        return rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                    }
                default:
                    return PublicKey.TryImport(SignatureAlgorithm.Ed25519, _first, KeyBlobFormat.RawPublicKey, out var ed)
                        && SignatureAlgorithm.Ed25519.Verify(ed!, data, signature);
            }
        }
        catch (CryptographicException)
        {
            return false; // a point that is not on the curve
        }
    }

    private static CoseKey? Read(CborReader reader)
    {
        int? type = null, algorithm = null, curve = null;
        byte[]? first = null, second = null;
        reader.ReadStartMap();
        while (reader.PeekState() != CborReaderState.EndMap)
        {
            switch (reader.ReadInt32())
            {
                case 1:
                    type = reader.ReadInt32();
                    break;
                case 3:
                    algorithm = reader.ReadInt32();
                    break;
                case -1 when reader.PeekState() == CborReaderState.ByteString:
                    first = reader.ReadByteString(); // RSA: n
                    break;
                case -1:
                    curve = reader.ReadInt32();
                    break;
                case -2 when type == KeyTypeRsa:
                    second = reader.ReadByteString(); // e
                    break;
                case -2:
                    first = reader.ReadByteString(); // x
                    break;
                case -3:
                    second = reader.ReadByteString(); // y
                    break;
                default:
                    reader.SkipValue();
                    break;
            }
        }
        reader.ReadEndMap();
        return (type, algorithm, curve) switch
        {
            (KeyTypeEc2, Es256, CurveP256) when first is { Length: 32 } && second is { Length: 32 } => new CoseKey(Es256, first, second),
            (KeyTypeOkp, EdDsa, CurveEd25519) when first is { Length: 32 } && second is null => new CoseKey(EdDsa, first, []),
            (KeyTypeRsa, Rs256, null) when IsSoundRsa(first, second) => new CoseKey(Rs256, first!, second!),
            _ => null,
        };
    }

    private static bool IsSoundRsa(byte[]? modulus, byte[]? exponent) =>
        modulus is { Length: >= RsaBitsMin / 8 and <= RsaBitsMax / 8 } && modulus[0] != 0 && exponent is { Length: >= 1 and <= 4 }
        && (exponent[^1] & 1) == 1 && (exponent.Length > 1 || exponent[0] > 1);
}
