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
}
