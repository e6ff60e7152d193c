using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>RSET (RFC 1939 §5).</summary>
internal sealed record RsetCommand : Command
{
    private static readonly RsetCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        session.Maildrop.Restore();
        return new(Reply.Ok($"{session.Maildrop.Left} messages"));
    }
}
