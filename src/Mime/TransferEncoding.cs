using MimeKit.Encodings;

namespace Posthorn.Mime;

/// <summary>Content-Transfer-Encoding (RFC 2045 §6): the octets to a decoder.</summary>
internal static class TransferEncoding
{
    /// <summary>The decoder of an encoding, by its token in any case; null for the identity and for what nobody knows.</summary>
    public static IMimeDecoder? Decoder(ReadOnlySpan<byte> token) => token switch
    {
        _ when System.Text.Ascii.EqualsIgnoreCase(token, "base64"u8) => new Base64Decoder(),
        _ when System.Text.Ascii.EqualsIgnoreCase(token, "quoted-printable"u8) => new QuotedPrintableDecoder(),
        _ when System.Text.Ascii.EqualsIgnoreCase(token, "x-uuencode"u8) => new UUDecoder(),
        _ when System.Text.Ascii.EqualsIgnoreCase(token, "uuencode"u8) => new UUDecoder(),
        _ when System.Text.Ascii.EqualsIgnoreCase(token, "x-uue"u8) => new UUDecoder(),
        _ => null,
    };
}
