using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Fuzz;

/// <summary>What a client says in a SCRAM exchange, a stored verifier, and the encodings of DSN's parameters.</summary>
/// <remarks>Oracles: what was parsed is written and parses to the same; the parts of a message make up the message.</remarks>
internal sealed class ScramTarget : Target
{
    public override string Name => "scram";

    public override IReadOnlyList<string> Words { get; } =
    [
        "n,,", "y,,", "p=tls-server-end-point,,", "n,a=ann,", "n=", "r=", ",", "=2C", "=3D", "=", "c=biws", "p=",
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "n=ann@example.org,r=fyko+d2lbbFgONRv9qkxdawL", "c=biws,r=abc,p=AAAA", "m=x", "SCRAM-SHA-256$", "SCRAM-SHA-1$", "4096:", "$", ":",
        "QSXCR+Q6sek8bf92", "+2B", "+3D", "+", "\\x{EB}", "\\x{", "}", "\u00C3\u00AB", "\0", " ",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Directory/ScramMessages.cs"), new("src/Directory/ScramVerifier.cs", "TryParse", "TryBase64"), new("src/Core/Xtext.cs"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        if (ScramFirst.TryParse(input.Span, out var first)) First(input.Span, first);
        if (ScramFinal.TryParse(input.Span, out var final))
        {
            var text = $"{final.WithoutProof},p={Convert.ToBase64String(final.Proof)}";
            Oracle.Holds(ScramFinal.TryParse(Encoding.ASCII.GetBytes(text), out var again), "a last message that is written parses");
            Oracle.Holds(again!.Proof.AsSpan().SequenceEqual(final.Proof) && again.Nonce == final.Nonce,
                "a last message that is written parses to the same");
        }
        var word = Encoding.UTF8.GetString(input.Span);
        if (ScramVerifier.TryParse(word, out var verifier))
        {
            Oracle.Holds(ScramVerifier.TryParse(verifier.ToString(), out var same) && same.ToString() == verifier.ToString(),
                "a verifier is written as it was");
        }
        if (Xtext.TryDecode(word, out var plain))
        {
            Oracle.Holds(Xtext.TryDecode(Xtext.Encode(plain), out var again) && again == plain, "xtext that is written decodes to the same");
        }
        if (Xtext.TryDecodeUtf8(word, out var wide))
        {
            Oracle.Holds(!wide.Any(char.IsControl), "an address holds no control character");
            Oracle.Holds(Xtext.TryDecodeUtf8(Xtext.EncodeUtf8(wide), out var again) && again == wide,
                "a UTF-8 address that is written decodes to the same");
        }
    }

    private static void First(ReadOnlySpan<byte> input, ScramFirst first)
    {
        Oracle.Same(Encoding.UTF8.GetString(input), first.Header + first.Bare, "a first message is its header and the rest");
        var text = $"{first.Header}n={SaslName(first.Login)},r={first.Nonce}";
        Oracle.Holds(ScramFirst.TryParse(Encoding.UTF8.GetBytes(text), out var again), "a first message that is written parses");
        var written = $"n={SaslName(first.Login)},r={first.Nonce}";
        Oracle.Holds(first.Bare.StartsWith(written, StringComparison.Ordinal), "a name is written in one way only");
        Oracle.Same(first.Login + first.AuthorizeAs, again!.Login + again.AuthorizeAs, "the names in it are the same");
    }

    private static string SaslName(string name) => name.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal);
}
