using System.Formats.Cbor;
using System.Text;
using Posthorn.Directory;

namespace Posthorn.Fuzz;

/// <summary>What a browser and an authenticator send: client data, authenticator data, keys in COSE's form, attestation objects.</summary>
/// <remarks>
/// Oracles: client data that is written again reads the same; the parts of authenticator data make up the whole; what is taken has the
/// sizes that the limits say; a signature that nobody made is never right.
/// </remarks>
internal sealed class PasskeyTarget : Target
{
    private static readonly byte[] Nothing = new byte[64];

    public override string Name => "passkey";

    public override IReadOnlyList<string> Words { get; } =
    [
        "{\"type\":\"webauthn.get\",\"challenge\":\"AAAA\",\"origin\":\"https://mail.example\",\"crossOrigin\":false}",
        "\"type\":", "\"challenge\":", "\"origin\":", "\"crossOrigin\":", "true", "false", "webauthn.create", ",", "{", "}", "[", "]", "\"",
        "\u00A5\u0001\u0002\u0003& \u0001!X ", "\u00A4\u0001\u0001\u0003' \u0006!X ",
        "\u00A4\u0001\u0003\u00039\u0001\u0000 Y\u0001\u0000", "!C\u0001\u0000\u0001",
        "\u00A3cfmtdnonegattStmt\u00A0hauthDataX", "\"X ", "\u0000\u0010", "\u0041", "\u00C5", "\u0085", "\u00A0",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Directory/Passkeys/ClientData.cs"), new("src/Directory/Passkeys/AuthenticatorData.cs", "TryRead", "TryReadCredential", "TrySkip"),
        new("src/Directory/Passkeys/CoseKey.cs", "TryRead", "Read", "IsSoundRsa"), new("src/Directory/Passkeys/WebAuthn.cs", "TryReadAttestation"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        if (ClientData.TryRead(input.Span, out var client)) Client(client);
        if (AuthenticatorData.TryRead(input, out var data)) Data(input, data);
        if (CoseKey.TryRead(input, out var key))
        {
            Oracle.Holds(input.Length <= CoseKey.OctetsMax, "a key is not longer than the limit");
            Oracle.Holds(!key.Verifies(input.Span, Nothing), "a signature of zeros is not right");
        }
        if (WebAuthn.TryReadAttestation(input.ToArray(), out var inner))
        {
            Oracle.Holds(inner.Length > 0 && inner.Length < input.Length, "the data is a part of the attestation");
            if (AuthenticatorData.TryRead(inner, out var made)) Data(inner, made);
        }
    }

    private static void Client(ClientData client)
    {
        var written = new StringBuilder("{\"type\":").Append(Quoted(client.Type));
        written.Append(",\"challenge\":\"").Append(System.Buffers.Text.Base64Url.EncodeToString(client.Challenge)).Append('"');
        written.Append(",\"origin\":").Append(Quoted(client.Origin));
        written.Append(",\"crossOrigin\":").Append(client.IsCrossOrigin ? "true" : "false").Append('}');
        Oracle.Holds(ClientData.TryRead(Encoding.UTF8.GetBytes(written.ToString()), out var again), "client data that is written reads");
        Oracle.Same(client.Type + client.Origin, again!.Type + again.Origin, "its words are the same");
        Oracle.Same(client.Challenge, again.Challenge, "its challenge is the same");
        Oracle.Holds(client.IsCrossOrigin == again.IsCrossOrigin, "its origin is as foreign as before");
    }

    private static void Data(ReadOnlyMemory<byte> input, AuthenticatorData data)
    {
        Oracle.Same(input.Span[..32], data.RelyingPartyHash.Span, "the first 32 octets are the hash of the name");
        Oracle.Holds((data.Credential is not null) == ((data.Flags & 0x40) != 0), "a credential is there if its flag is");
        if (data.Credential is not { } credential) return;
        Oracle.Holds(credential.Id.Length is > 0 and <= WebAuthn.CredentialIdOctetsMax, "an id has a length that is allowed");
        Oracle.Same(input.Span.Slice(55, credential.Id.Length), credential.Id.Span, "the id stands behind its length");
        Oracle.Same(input.Span.Slice(55 + credential.Id.Length, credential.Key.Length), credential.Key.Span, "the key stands behind the id");
        var reader = new CborReader(credential.Key, CborConformanceMode.Ctap2Canonical);
        reader.SkipValue();
        Oracle.Holds(reader.BytesRemaining == 0, "the key is one value of CBOR");
    }

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text) quoted.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        return quoted.Append('"').ToString();
    }
}
