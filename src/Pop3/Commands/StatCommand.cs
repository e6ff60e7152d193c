using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>STAT (RFC 1939 §5): the drop listing.</summary>
internal sealed record StatCommand : Command
{
    private static readonly StatCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct) =>
        new(Reply.Ok(string.Create(CultureInfo.InvariantCulture, $"{session.Maildrop.Left} {session.Maildrop.OctetsLeft}")));
}
