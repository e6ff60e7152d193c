using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>What stands behind the items of a FETCH (RFC 4466 §2.4): which of the messages are meant, and what is told beside them.</summary>
internal sealed record FetchModifiers
{
    public static readonly FetchModifiers None = new();

    /// <summary>CHANGEDSINCE (RFC 7162 §3.1.4.1): only messages with a larger change number.</summary>
    public ModSeq? ChangedSince { get; init; }

    /// <summary>VANISHED (RFC 7162 §3.2.6): of the set, what has gone since.</summary>
    public bool Vanished { get; init; }

    /// <summary>PARTIAL (RFC 9394 §3.2): of the messages of the set, those at these places.</summary>
    public PartialRange? Partial { get; init; }

    /// <summary>[SP "(" fetch-modifier *(SP fetch-modifier) ")"]</summary>
    public static bool ExpectFrom(ref GrammarReader r, bool byUid, out FetchModifiers modifiers)
    {
        modifiers = None;
        if (!r.TrySpace()) return true;
        if (!r.ExpectByte((byte)'(', "\"(\"")) return false;
        do
        {
            if (r.TryWord("CHANGEDSINCE"u8))
            {
                if (!(r.ExpectSpace() && r.ExpectModSeq(0, out var since))) return false;
                modifiers = modifiers with { ChangedSince = since };
            }
            else if (byUid && r.TryWord("VANISHED"u8)) modifiers = modifiers with { Vanished = true };
            else if (byUid && r.TryWord("PARTIAL"u8))
            {
                if (!(r.ExpectSpace() && PartialRange.ExpectFrom(ref r, out var range))) return false;
                modifiers = modifiers with { Partial = range };
            }
            else return r.Missing("fetch modifier");
        }
        while (r.TrySpace());
        // RFC 7162 §3.2.6: VANISHED asks since when.
        if (modifiers is { Vanished: true, ChangedSince: null }) return r.Missing("CHANGEDSINCE beside VANISHED");
        return r.ExpectByte((byte)')', "\")\"");
    }
}
