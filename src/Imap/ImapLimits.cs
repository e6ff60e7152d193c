namespace Posthorn.Imap;

/// <summary>What one session may cost. docs/limits.md lists these by name.</summary>
internal static class ImapLimits
{
    /// <summary>A command without its literals (RFC 7162 §4 asks for 8,192 octets).</summary>
    public const int LineOctetsMax = 64 * 1024;

    /// <summary>A literal up to this size becomes part of the command's text; a larger one is a message, or refused.</summary>
    public const int InlineLiteralOctetsMax = 64 * 1024;

    /// <summary>A literal that comes unasked under LITERAL- (RFC 7888 §5).</summary>
    public const int LiteralMinusOctetsMax = 4096;

    /// <summary>A whole command in memory, literals included.</summary>
    public const int CommandOctetsMax = 256 * 1024;

    /// <summary>Messages of one APPEND (RFC 3502).</summary>
    public const int AppendMessagesMax = 100;

    /// <summary>Pieces that CATENATE puts the messages of a command together from (RFC 4469).</summary>
    public const int CatenatedPiecesMax = 100;

    /// <summary>An IMAP URL (RFC 5092).</summary>
    public const int UrlOctetsMax = 4096;

    /// <summary>URLs of one GENURLAUTH or URLFETCH.</summary>
    public const int UrlsMax = 50;

    public const int TagOctetsMax = 256;

    /// <summary>User names and passwords.</summary>
    public const int CredentialOctetsMax = 4096;

    /// <summary>Ranges of one sequence set; a line has no room for more.</summary>
    public const int SequenceRangesMax = 16 * 1024;

    /// <summary>Parentheses, NOT and OR inside each other.</summary>
    public const int SearchDepthMax = 50;

    /// <summary>Keys of one SEARCH.</summary>
    public const int SearchKeysMax = 1000;

    /// <summary>Keys of one SEARCH for which the index is asked; the messages for the others are read.</summary>
    public const int IndexedKeysMax = 32;

    /// <summary>Criteria of one SORT.</summary>
    public const int SortCriteriaMax = 20;

    /// <summary>Characters of a subject, an address or a name that SORT compares.</summary>
    public const int SortKeyCharsMax = 1000;

    /// <summary>Messages of one THREAD, those that are only referred to included.</summary>
    public const int ThreadNodesMax = 2_000_000;

    /// <summary>Steps of one THREAD up a chain of references, in search of loops.</summary>
    public const long ThreadStepsMax = 20_000_000;

    /// <summary>Searches of a mailbox that a client follows (RFC 5267 §4.3.1).</summary>
    public const int SearchContextsMax = 8;

    /// <summary>Mailboxes of one ESEARCH: as many as an account has.</summary>
    public const int SearchMailboxesMax = 5000;

    /// <summary>Messages of a batch of UIDBATCHES (RFC 10022): smaller ones make long lists.</summary>
    public const int UidBatchMin = 500;

    /// <summary>Data items of one FETCH.</summary>
    public const int FetchItemsMax = 100;

    /// <summary>Header names of one BODY[HEADER.FIELDS (…)].</summary>
    public const int HeaderFieldsMax = 100;

    /// <summary>Numbers of one section: as deep as Mime looks into a message.</summary>
    public const int SectionDepthMax = 100;

    /// <summary>Patterns of one LIST.</summary>
    public const int ListPatternsMax = 50;

    /// <summary>Keywords named by one STORE or APPEND.</summary>
    public const int FlagsMax = 100;

    /// <summary>The name of an annotation.</summary>
    public const int EntryNameOctetsMax = 255;

    /// <summary>The value of an annotation (RFC 5464 §4.1 asks for 1,024).</summary>
    public const int EntryOctetsMax = 32 * 1024;

    /// <summary>Annotations that one command names.</summary>
    public const int EntriesMax = 50;

    /// <summary>Groups of mailboxes in a NOTIFY.</summary>
    public const int NotifyGroupsMax = 50;

    /// <summary>Malformed commands in a row before the connection is closed.</summary>
    public const int BadCommandsMax = 10;

    /// <summary>Failed log-ins before the connection is closed.</summary>
    public const int LoginFailuresMax = 3;

    /// <summary>Octets of a body that are in memory at once.</summary>
    public const int BodyChunkOctets = 64 * 1024;

    /// <summary>Rows that are formatted or read between two looks at the output.</summary>
    public const int BatchRows = 256;

    /// <summary>Octets of a header that BODY[HEADER.FIELDS] and SEARCH HEADER look at.</summary>
    public const int HeaderOctetsMax = 1024 * 1024;

    /// <summary>A refused literal that the client sends anyway is read up to this size; a larger one ends the connection.</summary>
    public const long DiscardOctetsMax = 64L * 1024 * 1024;

    /// <summary>RFC 9051 §5.4: at least 30 minutes once logged in.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromMinutes(30);

    /// <summary>Before log-in a client has nothing to think about.</summary>
    public static readonly TimeSpan LoginTimeout = TimeSpan.FromMinutes(3);
}
