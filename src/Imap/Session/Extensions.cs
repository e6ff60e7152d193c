namespace Posthorn.Imap;

/// <summary>What a client has switched on for its connection (RFC 5161 §3.1): replies take forms that an unaware client could not read.</summary>
[Flags]
internal enum Extensions : byte
{
    None = 0,

    /// <summary>Change numbers in every FETCH response that tells of flags (RFC 7162 §3.1).</summary>
    CondStore = 1,

    /// <summary>VANISHED instead of EXPUNGE (RFC 7162 §3.2.3). Implies <see cref="CondStore"/>.</summary>
    QResync = 2,

    /// <summary>Every SEARCH answered by ESEARCH, names in UTF-8, no RECENT (RFC 9051 §6.3.1).</summary>
    Rev2 = 4,

    /// <summary>Names in UTF-8, and UTF-8 in quoted strings (RFC 6855 §3).</summary>
    Utf8 = 8,

    /// <summary>No message numbers (RFC 9586 §3).</summary>
    UidOnly = 16,

    /// <summary>With one of these, mailbox names are not in modified UTF-7 any more.</summary>
    Utf8Names = Rev2 | Utf8,

    /// <summary>With one of these, VANISHED tells what is gone.</summary>
    ByUid = QResync | UidOnly,
}
