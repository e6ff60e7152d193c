using System.Text;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Fuzz;

/// <summary>One address or domain as SMTP and the command line take it, and an address list as a header has it.</summary>
/// <remarks>Oracles: what was parsed is written and parses to the same; nothing can hold a line end; lengths hold.</remarks>
internal sealed class AddressTarget : Target
{
    public override string Name => "address";

    public override IReadOnlyList<string> Words { get; } =
    [
        "ann", "\"a b\"@example.org", "@", ".", "\"", "\\", "\\\"", "\\\\", " ", "\t", "(", ")", "(c (d) e)", "<", ">", ",", ";", ":", "[",
        "]", "[127.0.0.1]", "[IPv6:::1]", "@a,@b:", "<@a,@b:c@d>", "example.org", "xn--bcher-kva.example", "xn--",
        "b\u00C3\u00BCcher.example", "\u00C3\u00A9", "e\u00CC\u0081", "\u00E3\u0080\u0082", "\u00EF\u00BC\u008E",
        "\u00F0\u009F\u0098\u0080", "\u00C3\u009F", "\u00E2\u0080\u008D", "\u00EF\u00BF\u00BD", "-", "_", "+tag",
        "group: ", "undisclosed-recipients:;", "\"Ann B.\" <ann@example.org>", "ann@example.org (Ann)",
        "=?utf-8?q?=C3=A9?=", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg", "\r\n ", "\0",
        "a@b <c@d>",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Core/EmailAddress.cs"), new("src/Core/Domain.cs"), new("src/Core/UnicodeForm.cs"),
        new("src/Mime/AddressParser.cs"), new("src/Mime/HeaderValue.cs", "Unfold", "Trim", "CommentLength"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.UTF8.GetString(input.Span);
        Address(text);
        Domains(text);
        AddressLists.Check(HeaderValue.Unfold(input.Span, MimeLimits.HeaderFieldOctetsMax));
    }

    private static void Address(string text)
    {
        if (!EmailAddress.TryParse(text, out var address)) return;
        var written = address.ToString();
        Oracle.Holds(!written.Any(char.IsControl), "an address holds no control character");
        Oracle.Holds(Encoding.UTF8.GetByteCount(written) <= EmailAddress.OctetsMax, "an address is not too long");
        Oracle.Holds(Encoding.UTF8.GetByteCount(address.LocalPart) <= EmailAddress.LocalPartOctetsMax, "a local part is not too long");
        Oracle.Holds(EmailAddress.TryParse(written, out var again), "an address that is written parses");
        Oracle.Same(written, again!.ToString(), "an address that is written parses to the same");
        Oracle.Holds(address == again && address.Key == again.Key, "an address that is written is equal");
        Oracle.Holds(EmailAddress.TryCreate(address.LocalPart, address.Domain, out var made) && made == address, "an address is its two parts");
        Oracle.Holds(address.IsAscii == Ascii.IsValid(address.LocalPart), "an address knows whether it is ASCII");
        Domains(address.Domain.Ascii);
    }

    private static void Domains(string text)
    {
        if (!Domain.TryParse(text, out var domain)) return;
        var ascii = domain.Ascii;
        Oracle.Holds(ascii.Length is > 0 and <= Domain.OctetsMax, "a domain is not too long");
        Oracle.Holds(
            ascii.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.'),
            "a domain is lower-case letters, digits, hyphens and dots");
        Oracle.Holds(ascii.Split('.').All(l => l.Length is > 0 and <= 63 && l[0] != '-' && l[^1] != '-'), "a domain is labels of 1 to 63");
        Oracle.Holds(Domain.TryParse(ascii, out var again) && again == domain, "a domain in A-labels parses to itself");
        Oracle.Holds(Domain.TryParse(ascii.ToUpperInvariant(), out again) && again == domain, "a domain has no case");
        // An A-label that decodes is the one of what it decodes to, or else it is shown as it is.
        Oracle.Holds(Domain.TryParse(domain.Unicode, out again), "a domain in U-labels parses");
        Oracle.Same(ascii, again!.Ascii, "a domain in U-labels parses to the same");
    }
}
