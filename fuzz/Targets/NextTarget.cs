using System.Text;
using Posthorn.Identity;

namespace Posthorn.Fuzz;

/// <summary>Where a log-in leads back to.</summary>
/// <remarks>Oracle: a browser that reads it as a reference from our page stays at our page's host, and nothing in it breaks a header.</remarks>
internal sealed class NextTarget : Target
{
    private static readonly Uri Page = new("https://mail.example/log-in");

    public override string Name => "next";

    public override IReadOnlyList<string> Words { get; } =
    [
        "/", "/account", "/account/sessions", "?next=", "//", "\\", "%2F", "%5C", "%0d%0a", "@", ":", "#", "..", "/./", "https://evil.test/", "\t",
        "\r\n", "javascript:", "/log-in", "/password-link/AAAA",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } = [new("src/Identity/ReturnTarget.cs", "TryParse")];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.Latin1.GetString(input.Span);
        if (!ReturnTarget.TryParse(text, out var target)) return;
        Oracle.Same(text, target.ToString(), "a target is kept as it was");
        var isPlain = text.All(c => c is > ' ' and < '\u007F' and not '\\' and not '"' and not '<' and not '>');
        Oracle.Holds(isPlain, "a target breaks no header and no page");
        Oracle.Holds(Uri.TryCreate(Page, text, out var reached), "a target is an address");
        Oracle.Same(Page.GetLeftPart(UriPartial.Authority), reached!.GetLeftPart(UriPartial.Authority), "a target stays at our host");
        Oracle.Holds(target.After("/log-in").Length > 0, "a page can come before it");
    }
}
