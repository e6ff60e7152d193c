using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Posthorn.Directory;

/// <summary>client-first-message (RFC 5802 §7).</summary>
/// <param name="Binding">gs2-cbind-flag: <c>n</c>, <c>y</c>, or the name behind <c>p=</c>.</param>
/// <param name="Header">gs2-header as it was written, which the last message repeats.</param>
/// <param name="Bare">client-first-message-bare.</param>
internal sealed record ScramFirst(string Binding, string Header, string Bare, string AuthorizeAs, string Login, string Nonce)
{
    private const int NonceCharsMax = 512;

    public static bool TryParse(ReadOnlySpan<byte> message, [NotNullWhen(true)] out ScramFirst? first)
    {
        first = null;
        if (!System.Text.Unicode.Utf8.IsValid(message) || message.Contains((byte)0)) return false;
        var text = Encoding.UTF8.GetString(message);
        // gs2-cbind-flag "," [ authzid ] ","
        if (text.Split(',', 3) is not [var flag, var authorize, var bare]) return false;
        if (flag is not ("n" or "y") && !(flag.StartsWith("p=", StringComparison.Ordinal) && flag.Length > 2)) return false;
        var authorizeAs = "";
        if (authorize.Length > 0 && !(authorize.StartsWith("a=", StringComparison.Ordinal) && TryName(authorize[2..], out authorizeAs))) return false;
        // username "," nonce ["," extensions]; "m=", an extension that has to be understood, is refused by not being a name
        if (bare.Split(',', 3) is not [var user, var nonceText, ..]) return false;
        if (!user.StartsWith("n=", StringComparison.Ordinal) || !TryName(user[2..], out var login)) return false;
        if (!nonceText.StartsWith("r=", StringComparison.Ordinal) || !IsNonce(nonceText[2..])) return false;
        var binding = flag.StartsWith("p=", StringComparison.Ordinal) ? flag[2..] : flag;
        first = new ScramFirst(binding, text[..^bare.Length], bare, authorizeAs, login, nonceText[2..]);
        return true;
    }

    private static bool IsNonce(string text) => text.Length is > 0 and <= NonceCharsMax && text.All(static c => c is > ' ' and <= '~');

    // saslname: "," is =2C and "=" is =3D, and "=" stands for nothing else.
    private static bool TryName(string text, out string name)
    {
        name = text.Replace("=2C", ",", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal);
        var escapes = text.Count(static c => c == '=');
        return name.Length > 0 && name.Length == text.Length - 2 * escapes;
    }
}

/// <summary>client-final-message (RFC 5802 §7).</summary>
/// <param name="WithoutProof">client-final-message-without-proof.</param>
internal sealed record ScramFinal(byte[] Binding, string Nonce, byte[] Proof, string WithoutProof)
{
    public static bool TryParse(ReadOnlySpan<byte> message, [NotNullWhen(true)] out ScramFinal? final)
    {
        final = null;
        if (!Ascii.IsValid(message)) return false;
        var text = Encoding.ASCII.GetString(message);
        var end = text.LastIndexOf(",p=", StringComparison.Ordinal);
        if (end < 0) return false;
        var words = text[..end].Split(',');
        if (words.Length < 2 || !words[0].StartsWith("c=", StringComparison.Ordinal)) return false;
        if (!words[1].StartsWith("r=", StringComparison.Ordinal)) return false;
        if (!TryBase64(words[0][2..], out var binding) || !TryBase64(text[(end + 3)..], out var proof)) return false;
        final = new ScramFinal(binding, words[1][2..], proof, text[..end]);
        return true;
    }

    private static bool TryBase64(string text, out byte[] octets)
    {
        octets = [];
        if (text.Length == 0 || text.Any(char.IsWhiteSpace) || !Base64.IsValid(text)) return false;
        octets = Convert.FromBase64String(text);
        return true;
    }
}
