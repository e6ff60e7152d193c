using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>What a client may be told of (RFC 5465 §5).</summary>
[Flags]
internal enum NotifyEvents
{
    None = 0,
    MessageNew = 1,
    MessageExpunge = 2,
    FlagChange = 4,
    MailboxName = 8,
    SubscriptionChange = 16,
    MailboxMetadataChange = 32,
    ServerMetadataChange = 64,
}

/// <summary>Some mailboxes, and what of them the client wants to hear (RFC 5465 §8 event-group).</summary>
/// <param name="Fetch">What is told of each new message of the selected mailbox; null for nothing but that it is there.</param>
/// <param name="HasUnknown">There were events that nobody here knows: the command is refused.</param>
internal sealed record NotifyGroup(MailboxSelection Mailboxes, NotifyEvents Events, FetchRequest? Fetch, bool HasUnknown)
{
    /// <summary>Those that SELECTED knows.</summary>
    public const NotifyEvents OfMessages = NotifyEvents.MessageNew | NotifyEvents.MessageExpunge | NotifyEvents.FlagChange;

    public bool IsSelected => Mailboxes.Kind is MailboxSource.Selected or MailboxSource.SelectedDelayed;

    /// <summary>"(" filter-mailboxes SP events ")"</summary>
    public static bool ExpectFrom(ref GrammarReader r, out NotifyGroup group)
    {
        group = new NotifyGroup(new MailboxSelection(MailboxSource.Selected, []), NotifyEvents.None, null, HasUnknown: false);
        if (!r.ExpectByte((byte)'(', "\"(\"")) return false;
        if (!(MailboxSelection.ExpectFrom(ref r, out var mailboxes, allowsDelayed: true) && r.ExpectSpace())) return false;
        group = group with { Mailboxes = mailboxes };
        if (r.TryWord("NONE"u8)) return r.ExpectByte((byte)')', "\")\"");
        // The examples of RFC 5465 §3.1 leave the parentheses out that its grammar asks for.
        var several = r.TryByte((byte)'(');
        do
        {
            if (!ExpectEvent(ref r, ref group)) return false;
        }
        while (r.TrySpace());
        if (several && !r.ExpectByte((byte)')', "\")\"")) return false;
        return Check(ref r, group) && r.ExpectByte((byte)')', "\")\"");
    }

    private static bool ExpectEvent(ref GrammarReader r, ref NotifyGroup group)
    {
        if (!r.ExpectAtom(64, "event", out var name)) return false;
        var known = Read(name);
        group = group with { Events = group.Events | known, HasUnknown = group.HasUnknown || known == NotifyEvents.None };
        if (known != NotifyEvents.MessageNew) return true;
        // [SP] "(" fetch-att *(SP fetch-att) ")"
        var mark = r;
        r.TrySpace();
        if (!r.TryPeek(out var next) || next != '(')
        {
            r.Restore(mark);
            return true;
        }
        if (!group.IsSelected) return r.Missing("items of messages for the selected mailbox only");
        if (!FetchGrammar.ExpectRequest(ref r, out var fetch)) return false;
        group = group with { Fetch = fetch };
        return true;
    }

    // RFC 5465 §5, §6.1
    private static bool Check(ref GrammarReader r, NotifyGroup group)
    {
        var both = (group.Events & NotifyEvents.MessageNew) != 0 && (group.Events & NotifyEvents.MessageExpunge) != 0;
        if ((group.Events & OfMessages) != 0 && !both) return r.Missing("MessageNew and MessageExpunge together");
        return !group.IsSelected || (group.Events & ~OfMessages) == 0 || r.Missing("events of messages for the selected mailbox");
    }

    private static NotifyEvents Read(string name) => name.ToUpperInvariant() switch
    {
        "MESSAGENEW" => NotifyEvents.MessageNew,
        "MESSAGEEXPUNGE" => NotifyEvents.MessageExpunge,
        "FLAGCHANGE" => NotifyEvents.FlagChange,
        "MAILBOXNAME" => NotifyEvents.MailboxName,
        "SUBSCRIPTIONCHANGE" => NotifyEvents.SubscriptionChange,
        "MAILBOXMETADATACHANGE" => NotifyEvents.MailboxMetadataChange,
        "SERVERMETADATACHANGE" => NotifyEvents.ServerMetadataChange,
        _ => NotifyEvents.None, // AnnotationChange too: messages have no annotations here
    };
}
