using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>What LIST selects by (RFC 5258 §3.1).</summary>
[Flags]
internal enum ListSelection
{
    None = 0,
    Subscribed = 1,
    Remote = 2,
    RecursiveMatch = 4,
    SpecialUse = 8,
}

/// <summary>What LIST tells beside the name (RFC 5258 §3.2, RFC 5819, RFC 6154).</summary>
[Flags]
internal enum ListReturn
{
    None = 0,
    Subscribed = 1,
    Children = 2,
    SpecialUse = 4,
}

/// <summary>LIST in its old and its extended form (RFC 9051 §6.3.9), and LSUB (RFC 3501 §6.3.9).</summary>
internal sealed record ListCommand(
    string Reference, IReadOnlyList<string> Patterns, ListSelection Selection, ListReturn Return, StatusItems Status, bool Lsub) : Command
{
    /// <summary>METADATA (RFC 9590): annotations that are told with each mailbox.</summary>
    public IReadOnlyList<string> Entries { get; init; } = [];

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var selection = ListSelection.None;
        var returns = ListReturn.Children | ListReturn.SpecialUse; // RFC 3348 §2, RFC 6154 §2: told without being asked
        var status = StatusItems.None;
        IReadOnlyList<string> entries = [];
        if (!r.ExpectSpace()) return false;
        if (r.TryByte((byte)'(') && !(ExpectSelection(ref r, out selection) && r.ExpectSpace())) return false;
        if (!(r.ExpectAstring(ImapGrammar.MailboxOctetsMax, "reference name", out var reference) && r.ExpectSpace()
              && ExpectPatterns(ref r, out var patterns))) return false;
        if (r.TrySpace() && !(r.ExpectKeyword("RETURN ("u8) && ExpectReturn(ref r, ref returns, out status, out entries))) return false;
        if (!r.ExpectEnd()) return false;
        command = new ListCommand(Decode(reference, r.Utf8), patterns, selection, returns, status, Lsub: false) { Entries = entries };
        return true;
    }

    public static bool TryParseLsub(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectAstring(ImapGrammar.MailboxOctetsMax, "reference name", out var reference)
              && r.ExpectSpace() && r.ExpectListMailbox(out var pattern) && r.ExpectEnd())) return false;
        command = new ListCommand(
            Decode(reference, r.Utf8), [Decode(pattern, r.Utf8)], ListSelection.Subscribed, ListReturn.None, StatusItems.None, Lsub: true);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var done = Reply.Ok(Lsub ? "LSUB completed" : "LIST completed");
        if (Patterns is [""])
        {
            // RFC 9051 §6.3.9: an empty name asks for the delimiter and the root of the reference.
            var w = session.Connection.Write();
            w.Raw(Lsub ? "* LSUB (\\Noselect) \"/\" \"\"\r\n"u8 : "* LIST (\\Noselect) \"/\" \"\"\r\n"u8);
            w.Commit();
            return done;
        }
        if (Status.HasFlag(StatusItems.HighestModSeq)) session.Enable(Extensions.CondStore);
        var mailboxes = session.Server.Store.Mailboxes;
        var listing = new MailboxListing(
            this, await mailboxes.ListAsync(session.Account, ct), await mailboxes.SubscriptionsAsync(session.Account, ct));
        foreach (var line in listing.Lines)
        {
            Write(session, line, line.Mailbox is null ? 0 : await StatusCommand.DeletedOctetsAsync(session, line.Mailbox, Status, ct));
            if (Entries.Count > 0 && line.Mailbox is not null) await WriteEntriesAsync(session, line.Mailbox, ct);
            if (!await session.Connection.FlushWhenFullAsync(ct)) return Replies.Gone;
        }
        return done;
    }

    // RFC 9590 §3: what has no value is NIL.
    private async ValueTask WriteEntriesAsync(ImapSession session, Mailbox mailbox, CancellationToken ct)
    {
        var stored = await session.Server.Store.Annotations.OfMailboxAsync(session.Account, mailbox.Id, session.Account, ct);
        var told = Entries.Select(entry => (entry, stored.FirstOrDefault(annotation => annotation.Entry == entry)?.Value)).ToList();
        var w = session.Connection.Write();
        EntryName.WriteResponse(ref w, mailbox.Path, session.Has(Extensions.Utf8Names), told);
        w.Commit();
    }

    private void Write(ImapSession session, MailboxListing.Line line, long deletedOctets)
    {
        var w = session.Connection.Write();
        w.Raw(Lsub ? "* LSUB ("u8 : "* LIST ("u8);
        w.Text(line.Attributes);
        w.Raw(") \"/\" "u8);
        w.Mailbox(line.Path, session.Has(Extensions.Utf8Names));
        if (line.HasSubscribedBelow) w.Raw(" (\"CHILDINFO\" (\"SUBSCRIBED\"))"u8);
        w.CrLf();
        if (Status != StatusItems.None && line.Mailbox is { } mailbox) StatusCommand.Write(ref w, session, mailbox, Status, deletedOctets);
        w.Commit();
    }

    // "(" was read; list-select-opts up to ")"
    private static bool ExpectSelection(ref GrammarReader r, out ListSelection selection)
    {
        selection = ListSelection.None;
        if (r.TryByte((byte)')')) return true;
        do
        {
            if (!r.ExpectAtom(32, "selection option", out var name)) return false;
            var option = name.ToUpperInvariant() switch
            {
                "SUBSCRIBED" => ListSelection.Subscribed,
                "REMOTE" => ListSelection.Remote,
                "RECURSIVEMATCH" => ListSelection.RecursiveMatch,
                "SPECIAL-USE" => ListSelection.SpecialUse,
                _ => ListSelection.None,
            };
            if (option == ListSelection.None) return r.Missing("known selection option");
            selection |= option;
        }
        while (r.TrySpace());
        // RFC 5258 §3.1: RECURSIVEMATCH says how others apply and is nothing alone.
        if ((selection & ~ListSelection.Remote) == ListSelection.RecursiveMatch) return r.Missing("another option beside RECURSIVEMATCH");
        return r.ExpectByte((byte)')', "\")\"");
    }

    private static bool ExpectPatterns(ref GrammarReader r, out List<string> patterns)
    {
        patterns = [];
        var several = r.TryByte((byte)'(');
        do
        {
            if (patterns.Count == ImapLimits.ListPatternsMax) return r.Missing($"at most {ImapLimits.ListPatternsMax} patterns");
            if (!r.ExpectListMailbox(out var pattern)) return false;
            patterns.Add(Decode(pattern, r.Utf8));
        }
        while (several && r.TrySpace());
        return !several || r.ExpectByte((byte)')', "\")\"");
    }

    // "(" was read
    private static bool ExpectReturn(
        ref GrammarReader r, ref ListReturn returns, out StatusItems status, out IReadOnlyList<string> entries)
    {
        entries = [];
        status = StatusItems.None;
        if (r.TryByte((byte)')')) return true;
        do
        {
            if (!r.ExpectAtom(32, "return option", out var name)) return false;
            switch (name.ToUpperInvariant())
            {
                case "SUBSCRIBED":
                    returns |= ListReturn.Subscribed;
                    break;
                case "CHILDREN":
                    returns |= ListReturn.Children;
                    break;
                case "SPECIAL-USE":
                    returns |= ListReturn.SpecialUse;
                    break;
                case "STATUS":
                    if (!(r.ExpectSpace() && StatusCommand.ExpectItems(ref r, out status))) return false;
                    break;
                case "METADATA":
                    if (!(r.ExpectSpace() && EntryName.ExpectSeveral(ref r, out var names))) return false;
                    entries = names;
                    break;
                default:
                    return r.Missing("known return option");
            }
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    // Wildcards are printable, so a pattern is encoded as names are.
    private static string Decode(byte[] octets, bool utf8) =>
        MailboxName.TryDecode(octets, utf8, out var text) ? UnicodeForm.Compose(text) : Encoding.Latin1.GetString(octets);
}
