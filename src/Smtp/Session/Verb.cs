using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>Where a session stands. A verb says where it is allowed.</summary>
[Flags]
internal enum SessionStates
{
    None = 0,

    /// <summary>Before EHLO or HELO, and after a TLS handshake.</summary>
    Fresh = 1,

    /// <summary>Between transactions.</summary>
    Greeted = 2,

    /// <summary>After MAIL, without an accepted recipient.</summary>
    Mail = 4,

    /// <summary>With at least one.</summary>
    Recipients = 8,

    /// <summary>Between two chunks of a message.</summary>
    Chunks = 16,
    Transaction = Mail | Recipients,
    Any = Fresh | Greeted | Transaction | Chunks,
}

/// <summary>A command that was understood; running it answers.</summary>
internal abstract record Command
{
    public abstract ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct);
}

/// <summary>Reads what follows the verb. False leaves the fault in the reader.</summary>
internal delegate bool CommandGrammar(ref GrammarReader reader, [NotNullWhen(true)] out Command? command);

/// <summary>One row of the verb table.</summary>
/// <param name="NeedsLogin">On a submission port only after a log-in (RFC 6409 §4.3).</param>
/// <param name="Keyword">The line of EHLO that says this verb is here, for a session where it is; null for what every server has.</param>
internal sealed record Verb(
    string Name, string Rfc, SessionStates Allowed, bool NeedsLogin, CommandGrammar Parse, Func<SmtpSession, string?>? Keyword = null)
{
    private const int NameOctetsMax = 16;

    /// <summary>Where the verb is there at all.</summary>
    public Func<SmtpServer, bool> Where { get; init; } = static _ => true;

    /// <summary>Octets that are no command stand behind its line, whatever the answer will be.</summary>
    public bool BringsOctets { get; init; }

    /// <summary>The table: dispatch, state gate, EHLO's list, HELP's list and metric label in one.</summary>
    public static readonly Verb[] Table =
    [
        new("EHLO", "RFC 5321 §4.1.1.1", SessionStates.Any, false, EhloCommand.TryParse) { Where = static server => !server.IsLmtp },
        new("HELO", "RFC 5321 §4.1.1.1", SessionStates.Any, false, EhloCommand.TryParseHelo) { Where = static server => !server.IsLmtp },
        new("LHLO", "RFC 2033 §4.1", SessionStates.Any, false, EhloCommand.TryParse) { Where = static server => server.IsLmtp },
        new("MAIL", "RFC 5321 §4.1.1.2", SessionStates.Greeted, true, MailCommand.TryParse),
        new("RCPT", "RFC 5321 §4.1.1.3", SessionStates.Transaction, true, RcptCommand.TryParse),
        new("DATA", "RFC 5321 §4.1.1.4", SessionStates.Recipients, true, DataCommand.TryParse),
        new("BDAT", "RFC 3030 §2", SessionStates.Recipients | SessionStates.Chunks, true, BdatCommand.TryParse, BdatCommand.Keyword)
        {
            BringsOctets = true,
        },
        new("RSET", "RFC 5321 §4.1.1.5", SessionStates.Any, false, RsetCommand.TryParse),
        new("VRFY", "RFC 5321 §4.1.1.6", SessionStates.Any, false, VrfyCommand.TryParse),
        new("EXPN", "RFC 5321 §4.1.1.7", SessionStates.Any, false, VrfyCommand.TryParseExpn),
        new("HELP", "RFC 5321 §4.1.1.8", SessionStates.Any, false, HelpCommand.TryParse),
        new("NOOP", "RFC 5321 §4.1.1.9", SessionStates.Any, false, NoopCommand.TryParse),
        new("QUIT", "RFC 5321 §4.1.1.10", SessionStates.Any, false, QuitCommand.TryParse),
        new("STARTTLS", "RFC 3207 §4", SessionStates.Fresh | SessionStates.Greeted, false, StartTlsCommand.TryParse, StartTlsCommand.Keyword),
        new(
            "XCLIENT", "Postfix's XCLIENT_README", SessionStates.Fresh | SessionStates.Greeted, false, XclientCommand.TryParse,
            XclientCommand.Keyword),
        new("AUTH", "RFC 4954 §4", SessionStates.Greeted, false, AuthCommand.TryParse, AuthCommand.Keyword),
    ];

    private static readonly Dictionary<string, Verb>.AlternateLookup<ReadOnlySpan<char>> ByName =
        Table.ToDictionary(verb => verb.Name, StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Reads the verb. False when the table has none such.</summary>
    public static bool TryRead(ref GrammarReader r, [NotNullWhen(true)] out Verb? verb)
    {
        verb = null;
        Span<char> name = stackalloc char[NameOctetsMax];
        var length = 0;
        while (r.TryPeek(out var b) && b != ' ')
        {
            if (length == name.Length) return false;
            name[length++] = (char)ByteClass.Upper(b);
            r.Advance(1);
        }
        return ByName.TryGetValue(name[..length], out verb);
    }
}
