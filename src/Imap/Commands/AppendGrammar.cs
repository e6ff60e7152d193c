using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>A piece of a message that is put together (RFC 4469 §3): octets that came along, or a place in another message.</summary>
/// <param name="Literal">The octets; null for a place.</param>
/// <param name="Url">The place, as the client wrote it.</param>
internal sealed record MessagePiece(LiteralRef? Literal, string Url);

/// <summary>One message of an APPEND, or that of a REPLACE.</summary>
/// <param name="IsCatenated">Its pieces make the message; else it is one literal.</param>
/// <param name="IsUtf8">Sent as UTF8 data (RFC 6855 §4), which must have been agreed on.</param>
internal sealed record AppendMessage(
    FlagList Flags, DateTimeOffset? ReceivedAt, IReadOnlyList<MessagePiece> Pieces, bool IsCatenated = false, bool IsUtf8 = false);

/// <summary>What a literal that is announced will be.</summary>
/// <param name="Mailbox">Where its message goes.</param>
/// <param name="Replaces">Another message goes for it, so that the quota is not what it seems.</param>
/// <param name="IsPiece">It is a piece of a message.</param>
internal readonly record struct IncomingLiteral(MailboxName Mailbox, bool Replaces, bool IsPiece);

/// <summary>What APPEND and REPLACE say of a message (RFC 9051 §6.3.12, RFC 4469 §5, RFC 3516 §7).</summary>
internal static class AppendGrammar
{
    /// <summary>[flag-list SP] [date-time SP] append-data</summary>
    public static bool ExpectMessage(ref GrammarReader r, out AppendMessage message)
    {
        message = new AppendMessage(FlagList.Empty, null, []);
        if (!ExpectOptions(ref r, out var flags, out var receivedAt)) return false;
        var pieces = new List<MessagePiece>();
        var isUtf8 = false;
        var isCatenated = r.TryWord("CATENATE"u8);
        if (isCatenated)
        {
            if (!(r.ExpectSpace() && ExpectPieces(ref r, pieces))) return false;
        }
        else
        {
            isUtf8 = r.TryKeyword("UTF8 ("u8);
            if (!r.TryLiteralRef(out var literal) || (isUtf8 && !literal.IsBinary)) return r.Missing(isUtf8 ? "literal8" : "literal");
            if (isUtf8 && !r.ExpectByte((byte)')', "\")\"")) return false;
            pieces.Add(new MessagePiece(literal, ""));
        }
        message = new AppendMessage(flags, receivedAt, pieces, isCatenated, isUtf8);
        return true;
    }

    /// <summary>Whether the literal that is announced behind this text is a message, or a piece of one.</summary>
    /// <param name="text">A command from its tag up to the literal.</param>
    /// <param name="utf8">Names are in UTF-8.</param>
    public static bool IsMessageNext(ReadOnlyMemory<byte> text, bool utf8, out IncomingLiteral literal)
    {
        var r = new GrammarReader(text) { Utf8 = utf8 };
        literal = default;
        if (!(r.ExpectTag(out _) && r.TrySpace() && TryVerb(ref r, out var replaces)
              && r.ExpectMailbox(out var mailbox) && r.TrySpace())) return false;
        literal = new IncomingLiteral(mailbox, replaces, IsPiece: false);
        while (ExpectOptions(ref r, out _, out _))
        {
            if (r.End) return true;
            if (r.TryWord("CATENATE"u8))
            {
                if (!(r.TrySpace() && r.TryByte((byte)'('))) return false;
                literal = literal with { IsPiece = IsPieceNext(ref r, out var ended) };
                if (literal.IsPiece) return true;
                if (!ended) return false;
            }
            else
            {
                var isUtf8 = r.TryKeyword("UTF8 ("u8);
                if (r.End) return true;
                if (!r.TryLiteralRef(out _) || (isUtf8 && !r.TryByte((byte)')'))) return false;
            }
            if (!r.TrySpace()) return false;
        }
        return false;
    }

    // "APPEND" SP / ["UID" SP] "REPLACE" SP number SP
    private static bool TryVerb(ref GrammarReader r, out bool replaces)
    {
        replaces = false;
        if (r.TryWord("APPEND"u8)) return r.TrySpace();
        if (r.TryWord("UID"u8) && !r.TrySpace()) return false;
        replaces = r.TryWord("REPLACE"u8);
        return replaces && r.TrySpace() && r.TryNumber(uint.MaxValue, out _) && r.TrySpace();
    }

    // [SP flag-list] [SP date-time] SP, the first space read
    private static bool ExpectOptions(ref GrammarReader r, out FlagList flags, out DateTimeOffset? receivedAt)
    {
        flags = FlagList.Empty;
        receivedAt = null;
        if (r.TryPeek(out var next) && next == '(' && !(FlagList.ExpectList(ref r, out flags) && r.ExpectSpace())) return false;
        if (!r.TryPeek(out next) || next != '"') return true;
        if (!(ImapDate.ExpectDateTime(ref r, out var time) && r.ExpectSpace())) return false;
        receivedAt = time;
        return true;
    }

    // "(" cat-part *(SP cat-part) ")"
    private static bool ExpectPieces(ref GrammarReader r, List<MessagePiece> pieces)
    {
        if (!r.ExpectByte((byte)'(', "\"(\"")) return false;
        do
        {
            if (pieces.Count == ImapLimits.CatenatedPiecesMax) return r.Missing($"at most {ImapLimits.CatenatedPiecesMax} pieces");
            if (r.TryWord("TEXT"u8))
            {
                if (!r.ExpectSpace()) return false;
                if (!r.TryLiteralRef(out var literal)) return r.Missing("literal");
                pieces.Add(new MessagePiece(literal, ""));
            }
            else
            {
                if (!r.TryWord("URL"u8)) return r.Missing("TEXT or URL");
                if (!(r.ExpectSpace() && r.ExpectAstring(ImapLimits.UrlOctetsMax, "URL", out var url))) return false;
                pieces.Add(new MessagePiece(null, Encoding.Latin1.GetString(url)));
            }
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    // "(" was read. True behind "TEXT "; ended when the list was closed.
    private static bool IsPieceNext(ref GrammarReader r, out bool ended)
    {
        ended = false;
        do
        {
            if (r.TryWord("TEXT"u8))
            {
                if (!r.TrySpace()) return false;
                if (r.End) return true;
                if (!r.TryLiteralRef(out _)) return false;
            }
            else if (!(r.TryWord("URL"u8) && r.TrySpace() && r.TryAstring(ImapLimits.UrlOctetsMax, out _)))
            {
                return false;
            }
        }
        while (r.TrySpace());
        ended = r.TryByte((byte)')');
        return false;
    }
}
