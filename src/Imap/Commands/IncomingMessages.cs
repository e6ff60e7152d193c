using Posthorn.Core;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Imap;

/// <summary>
/// The messages that an APPEND brings. Large ones are staged while they arrive: nothing links to them until the command is
/// complete.
/// </summary>
internal sealed class IncomingMessages
{
    private readonly List<StagedMessage> _staged = [];
    private long _octets;
    private int _messages;

    /// <summary>Staged ones.</summary>
    public int Count => _staged.Count;

    /// <summary>Asked before the client is told to send: null means go ahead.</summary>
    public async ValueTask<Reply?> ConsiderAsync(ImapSession session, MailboxName mailbox, long octets, CancellationToken ct)
    {
        if (session.Identity is null) return Reply.Bad("APPEND needs a log-in first");
        if (octets == 0) return Reply.No("a message has at least one octet");
        if (octets > session.Server.Settings.MessageOctetsMax) return Reply.No("the message is larger than this server takes", "TOOBIG");
        if (_messages == ImapLimits.AppendMessagesMax) return Reply.No("too many messages in one command", "LIMIT");
        var store = session.Server.Store;
        if (await store.Mailboxes.FindAsync(session.Account, mailbox.Path, ct) is null) return Replies.TryCreate;
        if (await store.QuotaAsync(session.Account, ct) is not { } quota) return Replies.TryCreate;
        if (quota.SizeBytes + _octets + octets > quota.QuotaBytes || quota.Messages + _messages + 1 > quota.QuotaMessages)
            return Reply.No("the mailbox is full", "OVERQUOTA");
        _octets += octets;
        _messages++;
        return null;
    }

    /// <summary>Reads a message from the connection into the store.</summary>
    public async ValueTask<ReadStatus> StageAsync(ImapSession session, long octets, CancellationToken ct)
    {
        session.Connection.Reader.BeginBody();
        await using var literal = new LiteralStream(session.Connection.Reader, octets);
        try
        {
            _staged.Add(await session.Server.Store.StageAsync(literal, ct));
            return ReadStatus.Ok;
        }
        catch (EndOfStreamException) when (literal.Status != ReadStatus.Ok)
        {
            return literal.Status;
        }
    }

    public async ValueTask<List<NewEmail>> TakeAsync(ImapSession session, IReadOnlyList<AppendMessage> messages, CancellationToken ct)
    {
        var now = session.Connection.Time.GetUtcNow();
        var emails = new List<NewEmail>(messages.Count);
        foreach (var message in messages)
        {
            var staged = message.Literal.Octets is { } octets
                ? await session.Server.Store.StageAsync(octets, ct)
                : _staged[message.Literal.Number];
            emails.Add(staged.ToEmail(message.Flags.System, message.Flags.Keywords, message.ReceivedAt ?? now));
        }
        return emails;
    }

    /// <summary>What the command did not take is left to the collection of blobs that nothing links to.</summary>
    public void Clear()
    {
        _staged.Clear();
        _octets = 0;
        _messages = 0;
    }
}
