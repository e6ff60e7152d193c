using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>NOOP (RFC 1939 §5).</summary>
internal sealed record NoopCommand : Command
{
    private static readonly NoopCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct) => new(Reply.Ok("here"));
}
