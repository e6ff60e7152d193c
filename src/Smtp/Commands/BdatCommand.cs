using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Wire;

namespace Posthorn.Smtp;

/// <summary>BDAT (RFC 3030 §2): a chunk of a message, whose octets follow the line at once. The first one runs until the last.</summary>
internal sealed record BdatCommand(long SizeOctets, bool IsLast) : Command
{
    // RFC 3030 §3: BINARYMIME needs CHUNKING.
    public static string? Keyword(SmtpSession session) => "CHUNKING\nBINARYMIME";

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectSize(out var size))) return false;
        var last = r.TryParameter();
        if (last && !r.ExpectKeyword("LAST"u8)) return false;
        if (!r.ExpectCommandEnd()) return false;
        command = new BdatCommand(size, last);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        var mail = session.Mail!;
        mail.IsChunked = true;
        var message = new ChunkStream(session, this, mail.Parameters.Body == BodyType.BinaryMime);
        var reply = await session.AcceptAsync(message, ct);
        return message.Abandoned ? await session.RunInsteadAsync() : reply;
    }
}

/// <summary>A chunk that came where none may come: its octets are read all the same, or they would be taken for commands.</summary>
internal sealed record RefusedChunk(long SizeOctets, Reply Why) : Command
{
    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (SizeOctets > SmtpLimits.DiscardOctetsMax) return Replies.TooLarge with { Closes = true };
        var status = await session.Connection.Reader.DiscardAsync(SizeOctets, CancellationToken.None);
        // RFC 3030 §2: chunks that are in the pipeline already are no fault.
        return status == ReadStatus.Ok ? Why with { IsPardoned = true } : Replies.Of(status);
    }
}
