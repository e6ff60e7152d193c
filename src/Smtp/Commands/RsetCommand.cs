using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>RSET (RFC 5321 §4.1.1.5).</summary>
internal sealed record RsetCommand : Command
{
    private static readonly RsetCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        session.Mail = null;
        return new(Replies.Ok);
    }
}
