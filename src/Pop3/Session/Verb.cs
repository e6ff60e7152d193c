using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>RFC 1939 §3: where a session stands. UPDATE is QUIT's own.</summary>
[Flags]
internal enum SessionStates
{
    None = 0,
    Authorization = 1,
    Transaction = 2,
    Any = Authorization | Transaction,
}

/// <summary>A command that was understood; running it answers.</summary>
internal abstract record Command
{
    public abstract ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct);
}

/// <summary>Reads what follows the verb. False leaves the fault in the reader.</summary>
internal delegate bool CommandGrammar(ref GrammarReader reader, [NotNullWhen(true)] out Command? command);

/// <summary>One row of the verb table.</summary>
/// <param name="Capability">The line of CAPA that says this verb is here, for a session where it is; null for what every server has.</param>
internal sealed record Verb(
    string Name, string Rfc, SessionStates Allowed, CommandGrammar Parse, Func<Pop3Session, string?>? Capability = null)
{
    private const int NameOctetsMax = 16;

    /// <summary>The table: dispatch, state gate, capability list and metric label in one.</summary>
    public static readonly Verb[] Table =
    [
        new("CAPA", "RFC 2449 §5", SessionStates.Any, CapaCommand.TryParse),
        new("STLS", "RFC 2595 §4", SessionStates.Authorization, StlsCommand.TryParse, StlsCommand.Capability),
        new("USER", "RFC 1939 §7", SessionStates.Authorization, UserCommand.TryParse, UserCommand.Capability),
        new("PASS", "RFC 1939 §7", SessionStates.Authorization, PassCommand.TryParse),
        new("AUTH", "RFC 5034 §4", SessionStates.Authorization, AuthCommand.TryParse, AuthCommand.Capability),
        new("UTF8", "RFC 6856 §2.1", SessionStates.Authorization, Utf8Command.TryParse, static _ => "UTF8 USER"),
        new("LANG", "RFC 6856 §3.2", SessionStates.Any, LangCommand.TryParse, static _ => "LANG"),
        new("STAT", "RFC 1939 §5", SessionStates.Transaction, StatCommand.TryParse),
        new("LIST", "RFC 1939 §5", SessionStates.Transaction, ListCommand.TryParse),
        new("UIDL", "RFC 1939 §7", SessionStates.Transaction, UidlCommand.TryParse, static _ => "UIDL"),
        new("RETR", "RFC 1939 §5", SessionStates.Transaction, RetrCommand.TryParse),
        new("TOP", "RFC 1939 §7", SessionStates.Transaction, TopCommand.TryParse, static _ => "TOP"),
        new("DELE", "RFC 1939 §5", SessionStates.Transaction, DeleCommand.TryParse),
        new("RSET", "RFC 1939 §5", SessionStates.Transaction, RsetCommand.TryParse),
        new("NOOP", "RFC 1939 §5", SessionStates.Transaction, NoopCommand.TryParse),
        new("QUIT", "RFC 1939 §6", SessionStates.Any, QuitCommand.TryParse),
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
