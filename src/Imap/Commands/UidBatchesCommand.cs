using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>UIDBATCHES (RFC 10022 §3.1): UIDs that cut the mailbox into parts of one size, the newest messages first.</summary>
/// <param name="Batches">Which of the batches, counted from 1; null for all.</param>
internal sealed record UidBatchesCommand(uint Size, NumberRange? Batches) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectNumber(uint.MaxValue, "batch size", out var size))) return false;
        if (size == 0) return r.Missing("batch size above 0");
        NumberRange? batches = null;
        if (r.TrySpace())
        {
            if (!r.ExpectNumber(uint.MaxValue, "first batch", out var first)) return false;
            var last = first;
            if (r.TryByte((byte)':') && !r.ExpectNumber(uint.MaxValue, "last batch", out last)) return false;
            if (first == 0 || last == 0) return r.Missing("batches counted from 1");
            batches = new NumberRange((uint)Math.Min(first, last), (uint)Math.Max(first, last));
        }
        command = new UidBatchesCommand((uint)size, batches);
        return r.ExpectEnd();
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (Size < ImapLimits.UidBatchMin) return new(Reply.No($"a batch has at least {ImapLimits.UidBatchMin} messages", "TOOSMALL"));
        var w = session.Connection.Write();
        w.Raw("* UIDBATCHES (TAG "u8);
        w.String(Encoding.ASCII.GetBytes(session.Tag));
        w.Byte((byte)')');
        var known = session.Mailbox.Known;
        var first = true;
        for (var (last, batch) = (known.Count, 1U); last > 0; last -= (int)Math.Min(Size, (uint)last), batch++)
        {
            if (Batches is { } wanted && (batch < wanted.First || batch > wanted.Last)) continue;
            var low = (uint)last > Size ? last - (int)Size : 0;
            w.Byte(first ? (byte)' ' : (byte)',');
            first = false;
            w.Number(known[last - 1].Uid.Value);
            w.Byte((byte)':');
            w.Number(known[low].Uid.Value);
        }
        w.CrLf();
        w.Commit();
        return new(Reply.Ok("UIDBATCHES completed"));
    }
}
