using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>NOTIFY (RFC 5465 §3.1): what a client is told of without asking, in the selected mailbox and in others.</summary>
/// <param name="Groups">Empty for NONE.</param>
internal sealed record NotifyCommand(IReadOnlyList<NotifyGroup> Groups, bool TellsStatus) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var groups = new List<NotifyGroup>();
        if (!r.ExpectSpace()) return false;
        if (r.TryWord("NONE"u8))
        {
            command = new NotifyCommand(groups, TellsStatus: false);
            return r.ExpectEnd();
        }
        if (!r.ExpectKeyword("SET "u8)) return false;
        var tellsStatus = r.TryKeyword("STATUS "u8);
        do
        {
            if (groups.Count == ImapLimits.NotifyGroupsMax) return r.Missing($"at most {ImapLimits.NotifyGroupsMax} groups");
            if (!NotifyGroup.ExpectFrom(ref r, out var group)) return false;
            groups.Add(group);
        }
        while (r.TrySpace());
        if (groups.Count(group => group.IsSelected) > 1) return r.Missing("the selected mailbox once");
        if (!r.ExpectEnd()) return false;
        command = new NotifyCommand(groups, tellsStatus);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (Groups.Any(group => group.HasUnknown))
        {
            return Reply.No(
                "an event is not known here",
                "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)");
        }
        // RFC 5465 §3.1: SET tells what has gathered, as NOOP does.
        if (Groups.Count > 0 && session.Selected is { } selected && !await Announcer.TellAsync(session, selected, keepNumbers: false, ct))
            return Replies.Gone;
        var watch = new Watch(session, Groups);
        session.Follow(watch);
        if (!await watch.BeginAsync(TellsStatus, ct)) return Replies.Gone;
        return Reply.Ok("NOTIFY completed");
    }
}
