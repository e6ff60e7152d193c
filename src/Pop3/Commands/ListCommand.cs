using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Pop3;

/// <summary>LIST (RFC 1939 §5): sizes in octets.</summary>
/// <param name="Number">Null for all messages.</param>
internal sealed record ListCommand(int? Number) : Command
{
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
        command = new ListCommand(number);
        return true;
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct) => Listing.WriteAsync(session, Number, Size, ct);

    private static void Size(ref WireWriter w, in EmailRow row) => w.Number(row.SizeBytes);
}
