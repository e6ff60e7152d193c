using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>VRFY (RFC 5321 §4.1.1.6): names are not given away (§7.3), and RCPT tells what a sender must know.</summary>
internal sealed record VrfyCommand : Command
{
    private static readonly VrfyCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        if (!r.ExpectSpace()) return false;
        return r.End ? r.Missing("string") : r.ExpectText();
    }

    public override ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct) =>
        new(new Reply(252, "2.0.0", "RCPT will tell whether mail is taken"));
}
