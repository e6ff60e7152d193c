using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Imap;

/// <summary>IDLE (RFC 2177 §3): what happens to the mailbox is told as it happens, until DONE.</summary>
internal sealed record IdleCommand : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new IdleCommand();
        return r.ExpectEnd();
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (session.Watch is { } watch)
        {
            // RFC 5465 §4: what NOTIFY asked for, no more.
            if (!await TellAsync(session, "+ idling\r\n"u8.ToArray(), watch, ct)) return Replies.Gone;
            return Ended(await watch.ReadLineAsync(idle: true, ct), session);
        }
        // Subscribed first: what happens between the look at the mailbox and the wait ends the wait.
        using var changes = session.Server.Store.Changes.Subscribe(session.Account, session.Selected?.Id);
        if (!await TellAsync(session, "+ idling\r\n"u8.ToArray(), null, ct)) return Replies.Gone;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var line = session.Connection.Reader.ReadLineAsync(CancellationToken.None).AsTask();
        try
        {
            while (true)
            {
                var change = changes.WaitAsync(over.Token).AsTask();
                if (await Task.WhenAny(line, change) == line) break;
                await change;
                if (!await TellAsync(session, default, null, ct)) return Replies.Gone;
            }
        }
        finally
        {
            await over.CancelAsync();
        }
        return Ended(await line, session);
    }

    private static Reply Ended(in CommandLine line, ImapSession session)
    {
        if (line.Ok)
        {
            return line.Line.Length == 4 && IsDone(line) ? Reply.Ok("IDLE completed") : Reply.Bad("expected DONE");
        }
        if (line.Status == ReadStatus.TooLong) return Reply.Bad("expected DONE");
        session.SayGoodbye(line.Status);
        return Replies.Gone;
    }

    private static bool IsDone(in CommandLine line)
    {
        var r = new GrammarReader(line.Line);
        return r.TryKeyword("DONE"u8);
    }

    private static async ValueTask<bool> TellAsync(ImapSession session, ReadOnlyMemory<byte> first, Watch? watch, CancellationToken ct)
    {
        if (!first.IsEmpty)
        {
            var w = session.Connection.Write();
            w.Raw(first.Span);
            w.Commit();
        }
        if (watch is not null) return await watch.TellAsync(null, keepNumbers: false, ct) && await session.Connection.FlushAsync(ct);
        return (session.Selected is null || await Announcer.TellAsync(session, session.Selected, keepNumbers: false, ct))
            && await session.Connection.FlushAsync(ct);
    }
}
