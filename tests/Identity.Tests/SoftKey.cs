using System.Buffers.Binary;
using System.Buffers.Text;
using System.Formats.Cbor;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using NSec.Cryptography;

namespace Posthorn.Identity.Tests;

/// <summary>
/// An authenticator with one passkey, and the browser's part of the ceremonies, written from WebAuthn and not from the server's code.
/// </summary>
internal sealed class SoftKey : IDisposable
{
    private readonly ECDsa? _ec;
    private readonly RSA? _rsa;
    private readonly Key? _ed;
    private readonly byte[] _id = RandomNumberGenerator.GetBytes(32);
    private byte[] _handle = [];

    public SoftKey(string algorithm = "ES256")
    {
        if (algorithm == "ES256") _ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        else if (algorithm == "RS256") _rsa = RSA.Create(2048);
        else _ed = Key.Create(SignatureAlgorithm.Ed25519, new KeyCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport });
    }

    public uint Counter { get; set; }

    public async Task<Answer> RegisterAsync(Browser browser, string path = "/account/passkeys")
    {
        var page = await browser.GetAsync(path);
        var options = OptionsOf(page.Text, path);
        var fields = Browser.Hidden(page.Text, path);
        _handle = Base64Url.DecodeFromChars((string)options["user"]!["id"]!);
        var client = ClientData("webauthn.create", (string)options["challenge"]!, browser.Origin);
        var data = AuthenticatorData((string)options["rp"]!["id"]!, 0x45, [.. new byte[16], 0, (byte)_id.Length, .. _id, .. Cose()]);
        var attestation = new CborWriter();
        attestation.WriteStartMap(3);
        attestation.WriteTextString("fmt");
        attestation.WriteTextString("none");
        attestation.WriteTextString("attStmt");
        attestation.WriteStartMap(0);
        attestation.WriteEndMap();
        attestation.WriteTextString("authData");
        attestation.WriteByteString(data);
        attestation.WriteEndMap();
        fields["client-data"] = Base64Url.EncodeToString(client);
        fields["attestation"] = Base64Url.EncodeToString(attestation.Encode());
        fields["label"] = "my telephone";
        return await browser.PostAsync(path, fields);
    }

    public async Task<Answer> ProveAsync(Browser browser, string page, string action) =>
        await browser.PostAsync(action, await SignAsync(browser, page, action));

    /// <param name="wrong">The one thing that is not as it must be.</param>
    public async Task<Dictionary<string, string>> SignAsync(Browser browser, string page, string action, string wrong = "")
    {
        var shown = await browser.GetAsync(page);
        var options = OptionsOf(shown.Text, action);
        var challenge = (string)options["challenge"]!;
        if (wrong == "challenge") challenge = challenge[..^4] + (challenge.EndsWith("AAAA", StringComparison.Ordinal) ? "BBBB" : "AAAA");
        var client = ClientData(
            wrong == "type" ? "webauthn.create" : "webauthn.get",
            challenge,
            wrong == "origin" ? "https://evil.test" : browser.Origin,
            wrong == "cross-origin");
        Counter++;
        var data = AuthenticatorData(wrong == "host" ? "evil.test" : (string)options["rpId"]!, wrong == "unverified" ? (byte)0x01 : (byte)0x05, []);
        if (wrong == "counter") Counter = 1;
        if (wrong == "counter") data = AuthenticatorData((string)options["rpId"]!, 0x05, []);
        var signature = Sign([.. data, .. SHA256.HashData(client)]);
        if (wrong == "signature") signature[^1] ^= 1;
        var fields = Browser.Hidden(shown.Text, action);
        fields["credential"] = Base64Url.EncodeToString(_id);
        fields["client-data"] = wrong == "garbage" ? "e30" : Base64Url.EncodeToString(client);
        fields["authenticator-data"] = Base64Url.EncodeToString(data);
        fields["signature"] = Base64Url.EncodeToString(signature);
        fields["user-handle"] = Base64Url.EncodeToString(wrong == "handle" ? new byte[64] : _handle);
        return fields;
    }

    public void Dispose()
    {
        _ec?.Dispose();
        _rsa?.Dispose();
        _ed?.Dispose();
    }

    private static JsonNode OptionsOf(string page, string action)
    {
        var form = Regex.Match(page, $"<form[^>]*action=\"{Regex.Escape(action)}\"[^>]*data-passkey=\"([^\"]*)\"");
        Assert.True(form.Success, page);
        return JsonNode.Parse(WebUtility.HtmlDecode(form.Groups[1].Value))!;
    }

    private static byte[] ClientData(string type, string challenge, string origin, bool crossOrigin = false) => Encoding.UTF8.GetBytes(
        $$"""
        {"type":"{{type}}","challenge":"{{challenge}}","origin":"{{origin}}","crossOrigin":{{(crossOrigin ? "true" : "false")}},"extra":[1,{"a":2}]}
        """);

    private byte[] AuthenticatorData(string host, byte flags, byte[] rest)
    {
        var counter = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(counter, Counter);
        return [.. SHA256.HashData(Encoding.UTF8.GetBytes(host)), flags, .. counter, .. rest];
    }

    private byte[] Sign(byte[] data) => _ec?.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
        ?? _rsa?.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        ?? SignatureAlgorithm.Ed25519.Sign(_ed!, data);

    private byte[] Cose()
    {
        var writer = new CborWriter(CborConformanceMode.Ctap2Canonical);
        if (_ec is not null)
        {
            var point = _ec.ExportParameters(false).Q;
            Map(writer, (1, 2), (3, -7), (-1, 1), (-2, point.X!), (-3, point.Y!));
        }
        else if (_rsa is not null)
        {
            var key = _rsa.ExportParameters(false);
            Map(writer, (1, 3), (3, -257), (-1, key.Modulus!), (-2, key.Exponent!));
        }
        else
        {
            Map(writer, (1, 1), (3, -8), (-1, 6), (-2, _ed!.PublicKey.Export(KeyBlobFormat.RawPublicKey)));
        }
        return writer.Encode();
    }

    private static void Map(CborWriter writer, params (int Key, object Value)[] pairs)
    {
        writer.WriteStartMap(pairs.Length);
        foreach (var (key, value) in pairs)
        {
            writer.WriteInt32(key);
            if (value is int number) writer.WriteInt32(number);
            else writer.WriteByteString((byte[])value);
        }
        writer.WriteEndMap();
    }
}
