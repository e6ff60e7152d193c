using System.Globalization;
using System.Text;

namespace Posthorn.Fuzz;

/// <summary>Makes a new input from kept ones.</summary>
internal sealed class Mutator(Random random, IReadOnlyList<string> words, int octetsMax)
{
    private const int StepsMax = 6; // two to the power of
    private const int BlockMax = 64;

    private static readonly byte[] Telling = [.. "\r\n\0\t \"'\\()[]{}<>@:;,.-+*%&=?/#!_|~09azAZ"u8, 0x7F, 0x80, 0xA0, 0xC3, 0xE2, 0xF0, 0xFF];

    private static readonly string[] Numbers =
    [
        "0", "1", "2", "7", "9", "10", "63", "64", "65", "99", "100", "255", "256", "998", "1000", "4096", "65535", "65536", "99999",
        "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615",
        "18446744073709551616", "000000000000000000001",
    ];

    private readonly byte[][] _words = [.. words.Select(Encoding.Latin1.GetBytes)];
    private readonly List<byte> _octets = [];

    public byte[] Mutate(byte[] parent, IReadOnlyList<byte[]> others)
    {
        _octets.Clear();
        _octets.AddRange(parent);
        // Many steps only change a long input; a short one they destroy.
        for (var steps = Math.Min(1 << random.Next(StepsMax), 2 + (parent.Length / 4)); steps > 0; steps--) Step(others);
        var max = Math.Max(octetsMax, parent.Length);
        if (_octets.Count > max) _octets.RemoveRange(max, _octets.Count - max);
        return [.. _octets];
    }

    private void Step(IReadOnlyList<byte[]> others)
    {
        var at = random.Next(_octets.Count + 1);
        switch (random.Next(16))
        {
            case 0 when at < _octets.Count: _octets[at] ^= (byte)(1 << random.Next(8)); break;
            case 1 when at < _octets.Count: _octets[at] = (byte)random.Next(256); break;
            case 2 when at < _octets.Count: _octets[at] = Telling[random.Next(Telling.Length)]; break;
            case 3: _octets.Insert(at, Telling[random.Next(Telling.Length)]); break;
            case 4: Remove(at, Block()); break;
            case 5: Insert(at, Piece(_octets, random.Next(_octets.Count + 1), Block())); break;
            case 6 or 7 or 8 when _words.Length > 0: Insert(at, _words[random.Next(_words.Length)]); break;
            case 9 when _words.Length > 0: Replace(at, Block(), _words[random.Next(_words.Length)]); break;
            case 10: Number(at); break;
            case 11: Insert(at, Enumerable.Repeat(_octets.Count > at ? _octets[at] : (byte)'x', random.Next(1, 300))); break;
            case 12: Splice(at, others[random.Next(others.Count)]); break;
            case 13: Borrow(at, others[random.Next(others.Count)]); break;
            case 14: Line(at); break;
            case 15 when at < _octets.Count && char.IsAsciiLetter((char)_octets[at]): _octets[at] ^= 0x20; break;
        }
    }

    private int Block() => random.Next(4) == 0 ? random.Next(1, BlockMax) : random.Next(1, 8);

    private static IEnumerable<byte> Piece(IReadOnlyList<byte> source, int start, int length) =>
        [.. source.Skip(start).Take(Math.Min(length, source.Count - start))];

    private void Insert(int at, IEnumerable<byte> octets) => _octets.InsertRange(at, octets);

    private void Remove(int at, int count) => _octets.RemoveRange(at, Math.Min(count, _octets.Count - at));

    private void Replace(int at, int count, IEnumerable<byte> octets)
    {
        Remove(at, count);
        Insert(at, octets);
    }

    // The next number in the text becomes another one.
    private void Number(int at)
    {
        while (at < _octets.Count && !char.IsAsciiDigit((char)_octets[at])) at++;
        var end = at;
        while (end < _octets.Count && char.IsAsciiDigit((char)_octets[end])) end++;
        var text = random.Next(3) == 0 ? random.Next(70_000).ToString(CultureInfo.InvariantCulture) : Numbers[random.Next(Numbers.Length)];
        Replace(at, end - at, Encoding.ASCII.GetBytes(text));
    }

    // The rest becomes the rest of another input.
    private void Splice(int at, byte[] other)
    {
        if (other.Length == 0) return;
        Remove(at, _octets.Count);
        Insert(at, other.Skip(random.Next(other.Length)));
    }

    private void Borrow(int at, byte[] other)
    {
        if (other.Length > 0) Insert(at, Piece(other, random.Next(other.Length), random.Next(1, BlockMax * 4)));
    }

    // A line is taken out, or stands there twice, or goes elsewhere.
    private void Line(int at)
    {
        var start = at;
        while (start > 0 && _octets[start - 1] != '\n') start--;
        var end = at;
        while (end < _octets.Count && _octets[end++] != '\n')
        {
        }
        var line = Piece(_octets, start, end - start);
        if (random.Next(2) == 0) Remove(start, end - start);
        if (random.Next(2) == 0) Insert(random.Next(_octets.Count + 1), line);
    }
}
