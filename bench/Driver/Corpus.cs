using System.Globalization;
using System.Text;

namespace Posthorn.Bench;

/// <summary>
/// Deterministic messages of a wanted size: plain text up to 16 KB, text and HTML up to 256 KB, beyond that a text with an attachment in
/// base64. Every message that is sent is different (a number stands in Message-ID, Subject and body), because a store that keeps equal
/// messages once would otherwise be measured at something that no mail does.
/// </summary>
internal static class Corpus
{
    private const int AlternativeFrom = 16 * 1024;
    private const int AttachmentFrom = 256 * 1024;
    private static readonly string[] Words = MakeWords();

    public static MessageTemplate Make(int seed, int size)
    {
        var random = new Random(seed);
        var text = new StringBuilder(size + 512);
        var date = new DateTime(2026, 1, 5, 8, 0, 0, DateTimeKind.Utc).AddMinutes(seed * 7);
        text.Append(CultureInfo.InvariantCulture, $"Received: from out.sender.test (out.sender.test [192.0.2.{1 + (seed % 250)}])\r\n");
        text.Append(CultureInfo.InvariantCulture, $"\tby relay.sender.test with ESMTPS; {date:r}\r\n");
        text.Append(CultureInfo.InvariantCulture, $"From: \"{Word(random)} {Word(random)}\" <{Word(random)}.{Word(random)}@sender.test>\r\n");
        text.Append(CultureInfo.InvariantCulture, $"To: {Word(random)} <{Word(random)}@bench.test>, {Word(random)}@other.test\r\n");
        text.Append(CultureInfo.InvariantCulture, $"Subject: {Word(random)} {Word(random)} nr{MessageTemplate.Mark} {Word(random)}\r\n");
        text.Append(CultureInfo.InvariantCulture, $"Date: {date:ddd, dd MMM yyyy HH:mm:ss} +0000\r\n");
        text.Append(CultureInfo.InvariantCulture, $"Message-ID: <{MessageTemplate.Mark}.{seed:x8}@sender.test>\r\nMIME-Version: 1.0\r\n");
        if (size < AlternativeFrom)
            AppendText(text, random, size - 64);
        else if (size < AttachmentFrom)
            AppendAlternative(text, random, size);
        else
            AppendAttachment(text, random, size);
        return new MessageTemplate(Encoding.ASCII.GetBytes(text.ToString()));
    }

    private static void AppendText(StringBuilder text, Random random, int until)
    {
        text.Append(CultureInfo.InvariantCulture, $"Content-Type: text/plain; charset=utf-8\r\n\r\nticket{MessageTemplate.Mark}\r\n");
        AppendWords(text, random, until, "");
    }

    private static void AppendAlternative(StringBuilder text, Random random, int size)
    {
        text.Append("Content-Type: multipart/alternative; boundary=\"=_bench\"\r\n\r\n--=_bench\r\n");
        AppendText(text, random, size / 4);
        text.Append("--=_bench\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<html><body>\r\n");
        AppendWords(text, random, size - 64, "</p><p class=\"text\">");
        text.Append("</body></html>\r\n--=_bench--\r\n");
    }

    private static void AppendAttachment(StringBuilder text, Random random, int size)
    {
        text.Append("Content-Type: multipart/mixed; boundary=\"=_bench\"\r\n\r\n--=_bench\r\n");
        AppendText(text, random, 8 * 1024);
        text.Append("--=_bench\r\nContent-Type: application/octet-stream; name=\"data.bin\"\r\nContent-Transfer-Encoding: base64\r\n"
            + "Content-Disposition: attachment; filename=\"data.bin\"\r\n\r\n");
        var line = new byte[57];
        while (text.Length < size - 96)
        {
            random.NextBytes(line);
            text.Append(Convert.ToBase64String(line)).Append("\r\n");
        }
        text.Append("--=_bench--\r\n");
    }

    private static void AppendWords(StringBuilder text, Random random, int until, string between)
    {
        int column = 0;
        while (text.Length < until)
        {
            var word = Word(random);
            text.Append(word);
            column += word.Length + 1;
            if (column > 68)
            {
                text.Append("\r\n").Append(between);
                column = between.Length;
            }
            else
            {
                text.Append(' ');
            }
        }
        text.Append("\r\n");
    }

    // A few words are common and most are rare, as in any language.
    private static string Word(Random random) => Words[(int)(Words.Length * Math.Pow(random.NextDouble(), 2.5))];

    private static string[] MakeWords()
    {
        const string consonants = "bdfgklmnprstvwz", vowels = "aeiou";
        var random = new Random(1);
        var words = new string[5000];
        var word = new StringBuilder();
        for (int i = 0; i < words.Length; i++)
        {
            word.Clear();
            for (int syllables = 1 + random.Next(4); syllables > 0; syllables--)
                word.Append(consonants[random.Next(consonants.Length)]).Append(vowels[random.Next(vowels.Length)]);
            words[i] = word.ToString();
        }
        return words;
    }
}

/// <summary>The bytes of a message and the places where its number stands.</summary>
internal sealed class MessageTemplate
{
    public const string Mark = "#########";
    private readonly byte[] _bytes;
    private readonly int[] _places;

    public MessageTemplate(byte[] bytes)
    {
        _bytes = bytes;
        var mark = Encoding.ASCII.GetBytes(Mark);
        var places = new List<int>();
        for (int at = 0, found; (found = bytes.AsSpan(at).IndexOf(mark)) >= 0; at += found + mark.Length)
            places.Add(at + found);
        _places = [.. places];
    }

    public int Length => _bytes.Length;

    public void WriteTo(Span<byte> target, long number)
    {
        _bytes.CopyTo(target);
        foreach (var place in _places)
            _ = number.TryFormat(target.Slice(place, Mark.Length), out _, "d9", CultureInfo.InvariantCulture);
    }
}
