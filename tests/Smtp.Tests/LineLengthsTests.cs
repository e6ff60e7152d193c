using System.Text;
using CsCheck;

namespace Posthorn.Smtp.Tests;

public sealed class LineLengthsTests
{
    [Fact]
    public void However_a_text_is_cut_the_longest_line_decides()
    {
        var text = Gen.Char["ab\n"].Array[0, 60].Select(chars => new string(chars));
        Gen.Select(text, Gen.Int[1, 12], Gen.Int[1, 70]).Sample((lines, max, piece) =>
        {
            var longest = lines.Split('\n').Select((line, at) => line.Length + (at < lines.Count(c => c == '\n') ? 1 : 0)).Max();
            var lengths = new LineLengths(max);
            var exceeds = Encoding.ASCII.GetBytes(lines).Chunk(piece).Any(cut => lengths.Exceed(cut));
            Assert.Equal(longest > max, exceeds);
        }, iter: 20_000);
    }
}
