using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Delivery;

/// <summary>The client's side of SCRAM (RFC 5802, RFC 7677), without channel binding.</summary>
internal sealed class ScramClient(HashAlgorithmName hash, string login, byte[] password, string? nonce = null)
{
    private const string Header = "n,,";

    /// <summary>A server that asks for more wants to keep us busy.</summary>
    private const int IterationsMax = 1_000_000;

    private readonly string _nonce = nonce ?? Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
    private byte[] _proof = [];

    public string Mechanism => hash == HashAlgorithmName.SHA1 ? "SCRAM-SHA-1" : "SCRAM-SHA-256";

    private string FirstBare => "n=" + login.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal)
        + ",r=" + _nonce;

    public byte[] First() => Encoding.UTF8.GetBytes(Header + FirstBare);

    /// <summary>False when the server's first message is none, or not an answer to ours.</summary>
    public bool TryFinal(byte[] serverFirst, out byte[] final)
    {
        final = [];
        var text = Encoding.UTF8.GetString(serverFirst);
        var fields = text.Split(',');
        if (fields is not [['r', '=', .. var both], ['s', '=', .. var saltText], ['i', '=', .. var countText], ..]) return false;
        if (!both.StartsWith(_nonce, StringComparison.Ordinal) || both.Length == _nonce.Length) return false;
        if (!int.TryParse(countText, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count is < 1 or > IterationsMax) return false;
        var salt = new byte[saltText.Length];
        if (!Convert.TryFromBase64String(saltText, salt, out var saltLength)) return false;

        var salted = Rfc2898DeriveBytes.Pbkdf2(password, salt.AsSpan(0, saltLength), count, hash, Length);
        var clientKey = Mac(salted, "Client Key");
        var withoutProof = "c=" + Convert.ToBase64String(Encoding.ASCII.GetBytes(Header)) + ",r=" + both;
        var message = FirstBare + "," + text + "," + withoutProof;
        var signature = Mac(CryptographicOperations.HashData(hash, clientKey), message);
        for (var i = 0; i < clientKey.Length; i++) clientKey[i] ^= signature[i];
        _proof = Mac(Mac(salted, "Server Key"), message);
        CryptographicOperations.ZeroMemory(salted);
        final = Encoding.ASCII.GetBytes(withoutProof + ",p=" + Convert.ToBase64String(clientKey));
        return true;
    }

    /// <summary>Whether the server knows the password too.</summary>
    public bool IsProof(byte[] serverFinal)
    {
        var expected = Encoding.ASCII.GetBytes("v=" + Convert.ToBase64String(_proof));
        var said = serverFinal.AsSpan();
        var end = said.IndexOf((byte)',');
        return _proof.Length > 0 && CryptographicOperations.FixedTimeEquals(end < 0 ? said : said[..end], expected);
    }

    private int Length => hash == HashAlgorithmName.SHA1 ? 20 : 32;

    private byte[] Mac(byte[] key, string text) => CryptographicOperations.HmacData(hash, key, Encoding.UTF8.GetBytes(text));
}
