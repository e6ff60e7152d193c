using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>RFC 9051 §3: where a session stands. A verb says where it is allowed.</summary>
[Flags]
internal enum SessionStates
{
    None = 0,
    NotAuthenticated = 1,
    Authenticated = 2,
    Selected = 4,
    LoggedIn = Authenticated | Selected,
    Any = NotAuthenticated | LoggedIn,
}

/// <summary>What a command may be told about the mailbox beside its own reply (RFC 9051 §5.2, §7.5.1).</summary>
internal enum Updates : byte
{
    /// <summary>Nothing: the command changes what is selected, or nothing is.</summary>
    None,

    /// <summary>EXISTS and FETCH, no EXPUNGE: message numbers of this command, and of those behind it in the pipe, must hold.</summary>
    KeepNumbers,

    All,
}

/// <summary>A command that was understood; running it writes what is untagged and answers with what is tagged.</summary>
internal abstract record Command
{
    public abstract ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct);
}

/// <summary>Reads what follows the verb. False leaves the fault in the reader.</summary>
internal delegate bool CommandGrammar(ref GrammarReader reader, [NotNullWhen(true)] out Command? command);

/// <summary>One row of the verb table.</summary>
/// <param name="Capability">The word that says this verb is here; null for what every IMAP4rev1 server has.</param>
internal sealed record Verb(string Name, string Rfc, SessionStates Allowed, Updates Updates, CommandGrammar Parse, string? Capability = null)
{
    private const int NameOctetsMax = 32;

    /// <summary>It may change the messages of the selected mailbox, and its client must see how.</summary>
    public bool ChangesSelected => Name is "EXPUNGE" or "UID EXPUNGE" or "STORE" or "UID STORE" or "FETCH" or "UID FETCH"
        || BringsMessages;

    /// <summary>It may bring new messages to the selected mailbox.</summary>
    public bool BringsMessages => Name is "APPEND" or "REPLACE" or "UID REPLACE" or "COPY" or "UID COPY" or "MOVE" or "UID MOVE";

    /// <summary>The table: dispatch, state gate, capability list and metric label in one.</summary>
    public static readonly Verb[] Table =
    [
        new("CAPABILITY", "RFC 3501 §6.1.1", SessionStates.Any, Updates.All, CapabilityCommand.TryParse),
        new("NOOP", "RFC 3501 §6.1.2", SessionStates.Any, Updates.All, NoopCommand.TryParse),
        new("LOGOUT", "RFC 3501 §6.1.3", SessionStates.Any, Updates.None, LogoutCommand.TryParse),
        new("STARTTLS", "RFC 3501 §6.2.1", SessionStates.NotAuthenticated, Updates.None, StartTlsCommand.TryParse),
        new("AUTHENTICATE", "RFC 3501 §6.2.2", SessionStates.NotAuthenticated, Updates.None, AuthenticateCommand.TryParse),
        new("LOGIN", "RFC 3501 §6.2.3", SessionStates.NotAuthenticated, Updates.None, LoginCommand.TryParse),
        new("ENABLE", "RFC 5161 §3.1", SessionStates.LoggedIn, Updates.All, EnableCommand.TryParse, "ENABLE"),
        new("ID", "RFC 2971 §3.1", SessionStates.Any, Updates.All, IdCommand.TryParse, "ID"),
        new("SELECT", "RFC 3501 §6.3.1", SessionStates.LoggedIn, Updates.None, SelectCommand.TryParse),
        new("EXAMINE", "RFC 3501 §6.3.2", SessionStates.LoggedIn, Updates.None, SelectCommand.TryParseExamine),
        new("CREATE", "RFC 3501 §6.3.3", SessionStates.LoggedIn, Updates.All, CreateCommand.TryParse, "CREATE-SPECIAL-USE"),
        new("DELETE", "RFC 3501 §6.3.4", SessionStates.LoggedIn, Updates.All, DeleteCommand.TryParse),
        new("RENAME", "RFC 3501 §6.3.5", SessionStates.LoggedIn, Updates.All, RenameCommand.TryParse),
        new("SUBSCRIBE", "RFC 3501 §6.3.6", SessionStates.LoggedIn, Updates.All, SubscribeCommand.TryParse),
        new("UNSUBSCRIBE", "RFC 3501 §6.3.7", SessionStates.LoggedIn, Updates.All, SubscribeCommand.TryParseUnsubscribe),
        new("LIST", "RFC 3501 §6.3.8", SessionStates.LoggedIn, Updates.All, ListCommand.TryParse, "LIST-EXTENDED"),
        new("LSUB", "RFC 3501 §6.3.9", SessionStates.LoggedIn, Updates.All, ListCommand.TryParseLsub),
        new("STATUS", "RFC 3501 §6.3.10", SessionStates.LoggedIn, Updates.All, StatusCommand.TryParse),
        new("UNAUTHENTICATE", "RFC 8437 §3", SessionStates.LoggedIn, Updates.None, UnauthenticateCommand.TryParse, "UNAUTHENTICATE"),
        new("COMPRESS", "RFC 4978 §3", SessionStates.LoggedIn, Updates.None, CompressCommand.TryParse, "COMPRESS=DEFLATE"),
        new("GETQUOTA", "RFC 9208 §4.1.1", SessionStates.LoggedIn, Updates.All, GetQuotaCommand.TryParse,
            "QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE"),
        new("GETQUOTAROOT", "RFC 9208 §4.1.2", SessionStates.LoggedIn, Updates.All, GetQuotaRootCommand.TryParse),
        new("SETQUOTA", "RFC 9208 §4.1.3", SessionStates.LoggedIn, Updates.All, SetQuotaCommand.TryParse, "QUOTASET"),
        new("GETMETADATA", "RFC 5464 §4.2", SessionStates.LoggedIn, Updates.All, GetMetadataCommand.TryParse, "METADATA"),
        new("SETMETADATA", "RFC 5464 §4.3", SessionStates.LoggedIn, Updates.All, SetMetadataCommand.TryParse),
        new("RESETKEY", "RFC 4467 §7", SessionStates.LoggedIn, Updates.All, ResetKeyCommand.TryParse, "URLAUTH"),
        new("GENURLAUTH", "RFC 4467 §7", SessionStates.LoggedIn, Updates.All, GenUrlAuthCommand.TryParse),
        new("URLFETCH", "RFC 4467 §7", SessionStates.LoggedIn, Updates.All, UrlFetchCommand.TryParse),
        new("NAMESPACE", "RFC 2342 §5", SessionStates.LoggedIn, Updates.All, NamespaceCommand.TryParse, "NAMESPACE"),
        new("APPEND", "RFC 3501 §6.3.11", SessionStates.LoggedIn, Updates.All, AppendCommand.TryParse, "MULTIAPPEND"),
        new("REPLACE", "RFC 8508 §3.2", SessionStates.Selected, Updates.All, ReplaceCommand.TryParse, "REPLACE"),
        new("UID REPLACE", "RFC 8508 §3.3", SessionStates.Selected, Updates.All, ReplaceCommand.TryParseUid),
        new("IDLE", "RFC 2177 §3", SessionStates.LoggedIn, Updates.All, IdleCommand.TryParse, "IDLE"),
        new("NOTIFY", "RFC 5465 §3.1", SessionStates.LoggedIn, Updates.All, NotifyCommand.TryParse, "NOTIFY"),
        new("CHECK", "RFC 3501 §6.4.1", SessionStates.Selected, Updates.All, NoopCommand.TryParseCheck),
        new("CLOSE", "RFC 3501 §6.4.2", SessionStates.Selected, Updates.None, CloseCommand.TryParse),
        new("UNSELECT", "RFC 3691 §2", SessionStates.Selected, Updates.None, CloseCommand.TryParseUnselect, "UNSELECT"),
        new("EXPUNGE", "RFC 3501 §6.4.3", SessionStates.Selected, Updates.All, ExpungeCommand.TryParse),
        new("UID EXPUNGE", "RFC 4315 §2.1", SessionStates.Selected, Updates.All, ExpungeCommand.TryParseUid, "UIDPLUS"),
        new("SEARCH", "RFC 3501 §6.4.4", SessionStates.Selected, Updates.KeepNumbers, SearchCommand.TryParse, "ESEARCH"),
        new("UID SEARCH", "RFC 3501 §6.4.8", SessionStates.Selected, Updates.All, SearchCommand.TryParseUid),
        new("SORT", "RFC 5256 §3", SessionStates.Selected, Updates.KeepNumbers, SortCommand.TryParse, "SORT"),
        new("UID SORT", "RFC 5256 §3", SessionStates.Selected, Updates.All, SortCommand.TryParseUid, "SORT=DISPLAY"),
        new("THREAD", "RFC 5256 §3", SessionStates.Selected, Updates.KeepNumbers, ThreadCommand.TryParse, "THREAD=REFERENCES"),
        new("UID THREAD", "RFC 5256 §3", SessionStates.Selected, Updates.All, ThreadCommand.TryParseUid, "THREAD=ORDEREDSUBJECT"),
        new("ESEARCH", "RFC 7377 §2", SessionStates.LoggedIn, Updates.All, EsearchCommand.TryParse, "MULTISEARCH"),
        new("CANCELUPDATE", "RFC 5267 §4.3.5", SessionStates.Selected, Updates.All, CancelUpdateCommand.TryParse, "CONTEXT=SEARCH"),
        new("UIDBATCHES", "RFC 10022 §3.1", SessionStates.Selected, Updates.All, UidBatchesCommand.TryParse, "UIDBATCHES"),
        new("FETCH", "RFC 3501 §6.4.5", SessionStates.Selected, Updates.KeepNumbers, FetchCommand.TryParse),
        new("UID FETCH", "RFC 3501 §6.4.8", SessionStates.Selected, Updates.All, FetchCommand.TryParseUid),
        new("STORE", "RFC 3501 §6.4.6", SessionStates.Selected, Updates.KeepNumbers, StoreCommand.TryParse),
        new("UID STORE", "RFC 3501 §6.4.8", SessionStates.Selected, Updates.All, StoreCommand.TryParseUid),
        new("COPY", "RFC 3501 §6.4.7", SessionStates.Selected, Updates.All, CopyCommand.TryParse),
        new("UID COPY", "RFC 3501 §6.4.8", SessionStates.Selected, Updates.All, CopyCommand.TryParseUid),
        new("MOVE", "RFC 6851 §3.1", SessionStates.Selected, Updates.All, CopyCommand.TryParseMove, "MOVE"),
        new("UID MOVE", "RFC 6851 §3.2", SessionStates.Selected, Updates.All, CopyCommand.TryParseUidMove),
    ];

    private static readonly Dictionary<string, Verb>.AlternateLookup<ReadOnlySpan<char>> ByName =
        Table.ToDictionary(verb => verb.Name, StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Reads the verb, both words of it behind UID. False when the table has none such; the reader stands behind what was read.</summary>
    public static bool TryRead(ref GrammarReader r, [NotNullWhen(true)] out Verb? verb)
    {
        verb = null;
        Span<char> name = stackalloc char[NameOctetsMax];
        if (!TryWord(ref r, name, out var length)) return false;
        if (name[..length] is "UID")
        {
            name[length] = ' ';
            if (!r.TrySpace() || !TryWord(ref r, name[(length + 1)..], out var more)) return false;
            length += 1 + more;
        }
        return ByName.TryGetValue(name[..length], out verb);
    }

    private static bool TryWord(ref GrammarReader r, scoped Span<char> upper, out int length)
    {
        length = 0;
        while (r.TryPeek(out var b) && ImapGrammar.AtomBytes.Contains(b))
        {
            if (length == upper.Length) return false;
            upper[length++] = (char)ByteClass.Upper(b);
            r.Advance(1);
        }
        return length > 0;
    }
}
