using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>UTF8 (RFC 6856 §2.1): messages go out as they are, with whatever stands in their headers.</summary>
internal sealed record Utf8Command : Command
{
    private static readonly Utf8Command Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        session.Utf8 = true;
        return new(Reply.Ok("UTF-8 it is"));
    }
}
