using System.Buffers;

namespace Posthorn.Core;

/// <summary>The character classes that several grammars share, as sets of bytes.</summary>
public static class ByteClass
{
    public static readonly SearchValues<byte> Digit = SearchValues.Create("0123456789"u8);

    /// <summary>RFC 5321 §4.1.2 Let-dig, with the hyphen: keywords and EHLO names.</summary>
    public static readonly SearchValues<byte> LetDigHyphen =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"u8);

    /// <summary>RFC 4648 §4.</summary>
    public static readonly SearchValues<byte> Base64 =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/="u8);

    public static byte Upper(byte b) => b is >= (byte)'a' and <= (byte)'z' ? (byte)(b - 0x20) : b;

    public static byte Lower(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b + 0x20) : b;
}
