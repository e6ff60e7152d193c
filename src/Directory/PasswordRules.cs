using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>
/// What a password that people choose must be: long enough, not the account's own name, and in no list of those that were stolen
/// elsewhere (NIST SP 800-63B §3.1.1.2). Nothing asks for digits or signs, which makes passwords no harder to guess.
/// </summary>
/// <remarks>
/// The list is a file of SHA-1 hashes in hexadecimal, sorted, one a line with what may follow after a colon, or a folder of ranges as
/// k-anonymous services hand them out: each named by the first five digits, its lines beginning with the rest. It is read where it lies; no
/// password or hash leaves the machine.
/// </remarks>
internal sealed class PasswordRules(string? breached)
{
    public const int CharactersMin = 8;

    private const int PrefixDigits = 5;
    private const int LineOctetsMax = 128;

    private static readonly Refusal Stolen = new(
        RefusalKind.Invalid, "this password is in a list of stolen ones, which is what attackers try first; choose another");

    private static readonly Refusal OwnName = new(RefusalKind.Invalid, "the password must not be made of the address alone");

    /// <summary>None when the password may be set.</summary>
    /// <param name="prepared">UTF-8 in the form that is hashed.</param>
    public Refusal? Check(ReadOnlySpan<byte> prepared, EmailAddress? address)
    {
        var text = Encoding.UTF8.GetString(prepared);
        if (text.EnumerateRunes().Count() < CharactersMin)
        {
            return new Refusal(RefusalKind.Invalid, $"a password has at least {CharactersMin} characters");
        }
        if (text.Distinct().Count() == 1) return Stolen;
        if (address is not null && IsOwnName(text, address)) return OwnName;
        return IsStolen(prepared) ? Stolen : null;
    }

    private static bool IsOwnName(string text, EmailAddress address)
    {
        var plain = text.ToLowerInvariant();
        var whole = address.ToString().ToLowerInvariant();
        return plain == whole || plain == address.LocalKey || plain == address.Domain.Ascii || plain == address.LocalKey + address.LocalKey
            || plain == address.LocalKey + address.Domain.Ascii;
    }

    private bool IsStolen(ReadOnlySpan<byte> prepared)
    {
        if (breached is null) return false;
#pragma warning disable CA5350 // The lists are made of SHA-1; nothing here rests on it being strong.
        var hash = Convert.ToHexString(SHA1.HashData(prepared));
#pragma warning restore CA5350
        if (!System.IO.Directory.Exists(breached)) return Has(breached, hash);
        var range = Path.Combine(breached, hash[..PrefixDigits]);
        var file = File.Exists(range) ? range : range + ".txt";
        return File.Exists(file) && Has(file, hash[PrefixDigits..]);
    }

    // A binary search over octets: to the middle, on to the next line's begin, compare.
    private static bool Has(string file, string wanted)
    {
        using var list = File.OpenHandle(file, options: FileOptions.RandomAccess);
        Span<byte> buffer = stackalloc byte[2 * LineOctetsMax];
        var (low, high) = (0L, RandomAccess.GetLength(list));
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            var begin = LineAt(list, middle, low, buffer, out var line);
            var order = begin < high ? Compare(line, wanted) : 1;
            if (order == 0) return true;
            if (order > 0) high = middle;
            else low = begin + line.Length + 1;
        }
        return false;
    }

    // The first line that begins at or after a place, seen from a place where a line begins.
    private static long LineAt(Microsoft.Win32.SafeHandles.SafeFileHandle list, long place, long lineBegin, Span<byte> buffer, out Span<byte> line)
    {
        var from = place == lineBegin ? place : place - 1;
        var read = buffer[..RandomAccess.Read(list, buffer, from)];
        var begin = place == lineBegin ? 0 : read.IndexOf((byte)'\n') + 1;
        if (begin == 0 && place != lineBegin) begin = read.Length;
        var rest = read[begin..];
        var end = rest.IndexOf((byte)'\n');
        line = end < 0 ? rest : rest[..end];
        return from + begin;
    }

    private static int Compare(ReadOnlySpan<byte> line, string wanted)
    {
        for (var i = 0; i < wanted.Length; i++)
        {
            var c = i < line.Length ? char.ToUpperInvariant((char)line[i]) : '\0';
            if (c != wanted[i]) return c < wanted[i] ? -1 : 1;
        }
        return 0;
    }
}
