using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>HELP (RFC 5321 §4.1.1.8): the verbs of the table.</summary>
internal sealed record HelpCommand : Command
{
    private static readonly HelpCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectText();
    }

    public override ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct) =>
        new(new Reply(214, "2.0.0", "commands: " + string.Join(' ', Verb.Table.Where(verb => verb.Where(session.Server)).Select(verb => verb.Name))));
}
