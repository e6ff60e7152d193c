using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>CAPA (RFC 2449 §5).</summary>
internal sealed record CapaCommand : Command
{
    private static readonly CapaCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        session.Write(Reply.Ok("what this server can do"));
        var w = session.Connection.Write();
        foreach (var line in Capabilities.Of(session))
        {
            w.Text(line);
            w.CrLf();
        }
        w.Raw(".\r\n"u8);
        w.Commit();
        return new(Reply.Said);
    }
}
