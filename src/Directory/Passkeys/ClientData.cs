using System.Buffers.Text;
using System.Text.Json;

namespace Posthorn.Directory;

/// <summary>What the browser says about a ceremony (WebAuthn level 2 §5.8.1). It is hashed into what the authenticator signs.</summary>
internal sealed record ClientData(string Type, byte[] Challenge, string Origin, bool IsCrossOrigin)
{
    public static bool TryRead(ReadOnlySpan<byte> json, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ClientData? data)
    {
        data = null;
        if (json.Length > WebAuthn.OctetsMax) return false;
        try
        {
            string? type = null, challenge = null, origin = null;
            var isCrossOrigin = false;
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString();
                reader.Read();
                if (name == "crossOrigin")
                {
                    if (reader.TokenType is not (JsonTokenType.True or JsonTokenType.False)) return false;
                    isCrossOrigin |= reader.GetBoolean();
                }
                else if (name is "type" or "challenge" or "origin")
                {
                    var value = reader.GetString();
                    // Of two with one name, somebody else may have read the other.
                    if (value is null || (name switch { "type" => type, "challenge" => challenge, _ => origin }) is not null) return false;
                    if (name == "type") type = value;
                    else if (name == "challenge") challenge = value;
                    else origin = value;
                }
                else
                {
                    reader.Skip();
                }
            }
            if (reader.TokenType != JsonTokenType.EndObject || reader.Read()) return false;
            if (type is null || challenge is null || origin is null || !Base64Url.IsValid(challenge)) return false;
            data = new ClientData(type, Base64Url.DecodeFromChars(challenge), origin, isCrossOrigin);
            return true;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }
}
