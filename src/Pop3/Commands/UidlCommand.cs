using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Unicode;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Pop3;

/// <summary>UIDL (RFC 1939 §7).</summary>
/// <remarks>
/// The id is the Email's, wherever it is filed: a message that went out of INBOX and came back is not fetched again. Behind its number, which is
/// never used again, stands when it arrived: after a restore from a backup the numbers that came after it begin anew.
/// </remarks>
/// <param name="Number">Null for all messages.</param>
internal sealed record UidlCommand(int? Number) : Command
{
    private const int IdOctetsMax = 32;

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        int? number = null;
        if (r.TryArgument())
        {
            if (!r.ExpectNumber("message number", out var one)) return false;
            number = one;
        }
        if (!r.ExpectCommandEnd()) return false;
        command = new UidlCommand(number);
        return true;
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct) => Listing.WriteAsync(session, Number, UniqueId, ct);

    private static void UniqueId(ref WireWriter w, in EmailRow row)
    {
        Span<byte> id = stackalloc byte[IdOctetsMax];
        Utf8.TryWrite(id, CultureInfo.InvariantCulture, $"{row.Email.Value:x}-{row.ReceivedAt.ToUnixTimeMilliseconds():x}", out var length);
        w.Raw(id[..length]);
    }
}
