using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>QUIT (RFC 5321 §4.1.1.10).</summary>
internal sealed record QuitCommand : Command
{
    private static readonly QuitCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct) => new(new Reply(221, "2.0.0", "see you", Closes: true));
}
