using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class BodyHashTests
{
    // RFC 6376 §3.4.3, §3.4.4.
    [Theory]
    [InlineData(false, "", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=")]
    [InlineData(true, "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    public void An_empty_body_has_the_hash_that_the_rfc_names(bool relaxed, string body, string hash) =>
        Assert.Equal(hash, Convert.ToBase64String(Hash(relaxed, null, [body])));

    // RFC 6376 §3.4.5.
    [Fact]
    public void The_examples_of_the_rfc_are_canonicalized_as_it_says()
    {
        const string body = " C \r\nD \t E\r\n\r\n\r\n";
        Assert.Equal(SHA256.HashData(" C\r\nD E\r\n"u8), Hash(true, null, [body]));
        Assert.Equal(SHA256.HashData(" C \r\nD \t E\r\n"u8), Hash(false, null, [body]));
    }

    [Fact]
    public void A_body_in_pieces_has_the_hash_of_the_whole()
    {
        string[] pieces = ["\r", "\n", "\r\n", " ", "\t", "a", "bc", "\r\n\r\n", " \r\n", "x y"];
        Gen.Select(Gen.Int[0, pieces.Length - 1].List[0, 40], Gen.Bool, Gen.Int[-10, 60]).Sample((drawn, relaxed, bound) =>
        {
            var parts = drawn.ConvertAll(i => pieces[i]);
            long? limit = bound < 0 ? null : bound;
            var whole = string.Concat(parts);
            var canonical = Encoding.Latin1.GetBytes(relaxed ? SlowRelaxed(whole) : SlowSimple(whole));
            var expected = SHA256.HashData(canonical.AsSpan(0, (int)Math.Min(limit ?? int.MaxValue, canonical.Length)));
            Assert.Equal(expected, Hash(relaxed, limit, parts));
            Assert.Equal(expected, Hash(relaxed, limit, whole.Select(c => c.ToString())));
        });
    }

    [Fact]
    public void Two_signatures_that_ask_alike_share_a_hash()
    {
        using var hashes = new BodyHashes();
        var one = hashes.Want(true, null);
        Assert.Same(one, hashes.Want(true, null));
        Assert.NotSame(one, hashes.Want(true, 5));
        Assert.NotSame(one, hashes.Want(false, null));
    }

    private static byte[] Hash(bool relaxed, long? limit, IEnumerable<string> parts)
    {
        using var hashes = new BodyHashes();
        var hash = hashes.Want(relaxed, limit);
        foreach (var part in parts) hashes.Append(Encoding.Latin1.GetBytes(part));
        hashes.Finish();
        return hash.Value.ToArray();
    }

    // The text of the RFC, step by step.
    private static string SlowSimple(string body)
    {
        while (body.EndsWith("\r\n", StringComparison.Ordinal)) body = body[..^2];
        return body + "\r\n";
    }

    private static string SlowRelaxed(string body)
    {
        var lines = body.Split("\r\n").Select(line => System.Text.RegularExpressions.Regex.Replace(line, "[ \t]+", " ").TrimEnd(' '));
        var text = string.Join("\r\n", lines);
        while (text.EndsWith("\r\n", StringComparison.Ordinal)) text = text[..^2];
        return text.Length == 0 ? "" : text + "\r\n";
    }
}
