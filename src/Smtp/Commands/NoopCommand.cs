using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>NOOP (RFC 5321 §4.1.1.9); its argument is for nobody.</summary>
internal sealed record NoopCommand : Command
{
    private static readonly NoopCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectText();
    }

    public override ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct) => new(Replies.Ok);
}
