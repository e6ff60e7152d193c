using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>NOOP (RFC 9051 §6.1.2) and CHECK (RFC 3501 §6.4.1): every change is on disk before it is answered, so both only bring news.</summary>
internal sealed record NoopCommand(string Name) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new NoopCommand("NOOP");
        return r.ExpectEnd();
    }

    public static bool TryParseCheck(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new NoopCommand("CHECK");
        return r.ExpectEnd();
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct) => new(Reply.Ok(Name + " completed"));
}
