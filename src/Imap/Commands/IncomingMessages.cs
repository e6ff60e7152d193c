using Posthorn.Core;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Imap;

/// <summary>
/// The messages that an APPEND or a REPLACE brings. Large ones are staged while they arrive: nothing links to them until the command is
/// complete.
/// </summary>
internal sealed class IncomingMessages
{
    private readonly List<(StagedMessage Message, bool HasNul)> _staged = [];
    private long _octets;
    private int _messages;
    private int _pieces;

    /// <summary>Staged ones.</summary>
    public int Count => _staged.Count;

    /// <summary>Asked before the client is told to send: null means go ahead.</summary>
    public async ValueTask<Reply?> ConsiderAsync(ImapSession session, IncomingLiteral literal, long octets, CancellationToken ct)
    {
        if (session.Identity is null) return Reply.Bad("a message needs a log-in first");
        if (octets == 0 && !literal.IsPiece) return Reply.No("a message has at least one octet");
        if (octets > session.Server.Settings.MessageOctetsMax) return Reply.No("the message is larger than this server takes", "TOOBIG");
        if (_messages == ImapLimits.AppendMessagesMax || _pieces == ImapLimits.CatenatedPiecesMax)
            return Reply.No("too many messages in one command", "LIMIT");
        var store = session.Server.Store;
        if (await store.Mailboxes.FindAsync(session.Account, literal.Mailbox.Path, ct) is null) return Replies.TryCreate;
        if (await store.QuotaAsync(session.Account, ct) is not { } quota) return Replies.TryCreate;
        // RFC 8508 §3.4: what goes makes room, which the store knows when it comes to it.
        if (!literal.Replaces && (quota.SizeBytes + _octets + octets > quota.QuotaBytes || quota.Messages + _messages + 1 > quota.QuotaMessages))
            return Reply.No("the mailbox is full", "OVERQUOTA");
        _octets += octets;
        if (literal.IsPiece) _pieces++;
        else _messages++;
        return null;
    }

    /// <summary>Reads a message from the connection into the store.</summary>
    public async ValueTask<ReadStatus> StageAsync(ImapSession session, long octets, CancellationToken ct)
    {
        session.Connection.Reader.BeginBody();
        await using var literal = new LiteralStream(session.Connection.Reader, octets);
        try
        {
            var message = await session.Server.Store.StageAsync(literal, ct);
            _staged.Add((message, literal.HasNul));
            return ReadStatus.Ok;
        }
        catch (EndOfStreamException) when (literal.Status != ReadStatus.Ok)
        {
            return literal.Status;
        }
    }

    /// <summary>The messages of a command that is complete, or why one of them cannot be taken.</summary>
    public async ValueTask<(List<NewEmail> Emails, Reply? Refusal)> TakeAsync(
        ImapSession session, IReadOnlyList<AppendMessage> messages, CancellationToken ct)
    {
        var now = session.Connection.Time.GetUtcNow();
        var emails = new List<NewEmail>(messages.Count);
        foreach (var message in messages)
        {
            // RFC 3516 §4.4: what FETCH BODY could not show is not stored.
            if (message.Pieces.Any(HasNul)) return ([], Reply.No("a message cannot hold octets that are zero", "UNKNOWN-CTE"));
            StagedMessage staged;
            if (message.IsCatenated)
            {
                var (catenated, refusal) = await new Catenation(session, this).StageAsync(message.Pieces, ct);
                if (catenated is null) return ([], refusal);
                staged = catenated;
            }
            else
            {
                var literal = message.Pieces[0].Literal!.Value;
                staged = literal.Octets is { } octets ? await session.Server.Store.StageAsync(octets, ct) : this[literal.Number];
            }
            emails.Add(staged.ToEmail(message.Flags.System, message.Flags.Keywords, message.ReceivedAt ?? now));
        }
        return (emails, null);
    }

    /// <summary>A literal that was staged.</summary>
    public StagedMessage this[int number] => _staged[number].Message;

    private bool HasNul(MessagePiece piece) => piece.Literal is { IsBinary: true } literal
        && (literal.Octets is { } octets ? octets.AsSpan().Contains((byte)0) : _staged[literal.Number].HasNul);

    /// <summary>What the command did not take is left to the collection of blobs that nothing links to.</summary>
    public void Clear()
    {
        _staged.Clear();
        _octets = 0;
        _messages = 0;
        _pieces = 0;
    }
}
