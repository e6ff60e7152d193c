using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>GETMETADATA (RFC 5464 §4.2). The empty name is the server.</summary>
/// <param name="OctetsMax">MAXSIZE: longer values are not told.</param>
/// <param name="Depth">How far below the names; <see cref="int.MaxValue"/> for infinity.</param>
internal sealed record GetMetadataCommand(MailboxName Mailbox, IReadOnlyList<string> Entries, long? OctetsMax, int Depth) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        long? octetsMax = null;
        var depth = 0;
        if (!r.ExpectSpace()) return false;
        if (r.TryByte((byte)'(') && !(ExpectOptions(ref r, ref octetsMax, ref depth) && r.ExpectSpace())) return false;
        if (!(r.ExpectMailbox(out var mailbox) && r.ExpectSpace())) return false;
        // The RFC's grammar has the options before the mailbox, its examples behind it; clients do either.
        var mark = r;
        if (r.TryByte((byte)'('))
        {
            if (r.TryPeek(out var next) && ByteClass.Upper(next) is (byte)'M' or (byte)'D')
            {
                if (!(ExpectOptions(ref r, ref octetsMax, ref depth) && r.ExpectSpace())) return false;
            }
            else
            {
                r.Restore(mark);
            }
        }
        if (!(EntryName.ExpectSeveral(ref r, out var entries) && r.ExpectEnd())) return false;
        command = new GetMetadataCommand(mailbox, entries, octetsMax, depth);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        IReadOnlyList<Annotation> stored;
        var annotations = session.Server.Store.Annotations;
        if (Mailbox.Path.Length == 0)
        {
            stored = [.. ServerEntries(session), .. await annotations.OfServerAsync(session.Account, ct)];
        }
        else
        {
            if (await session.Server.Store.Mailboxes.FindAsync(session.Account, Mailbox.Path, ct) is not { } found) return Replies.NonExistent;
            stored = await annotations.OfMailboxAsync(session.Account, found.Id, session.Account, ct);
        }
        var asked = stored.Where(annotation => Entries.Any(entry => IsWithin(annotation.Entry, entry, Depth))).ToList();
        var told = asked.Where(annotation => !(annotation.Value!.Length > OctetsMax)).Select(a => (a.Entry, a.Value)).ToList();
        if (told.Count > 0)
        {
            var w = session.Connection.Write();
            EntryName.WriteResponse(ref w, Mailbox.Path, session.Has(Extensions.Utf8Names), told);
            w.Commit();
        }
        // §4.2.1: the size of the longest that was left out.
        var code = told.Count == asked.Count ? null
            : string.Create(CultureInfo.InvariantCulture, $"METADATA LONGENTRIES {asked.Max(annotation => annotation.Value!.Length)}");
        return Reply.Ok("GETMETADATA completed", code);
    }

    // "(" was read; getmetadata-option *(SP getmetadata-option) ")"
    private static bool ExpectOptions(ref GrammarReader r, ref long? octetsMax, ref int depth)
    {
        do
        {
            if (r.TryWord("MAXSIZE"u8))
            {
                if (!(r.ExpectSpace() && r.ExpectNumber(long.MaxValue, "number of octets", out var octets))) return false;
                octetsMax = (long)octets;
            }
            else if (r.TryWord("DEPTH"u8))
            {
                if (!r.ExpectSpace()) return false;
                if (r.TryWord("INFINITY"u8)) depth = int.MaxValue;
                else if (r.TryWord("0"u8)) depth = 0;
                else if (r.TryWord("1"u8)) depth = 1;
                else return r.Missing("0, 1 or infinity");
            }
            else
            {
                return r.Missing("MAXSIZE or DEPTH");
            }
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    // §4.2.2
    private static bool IsWithin(string name, string entry, int depth)
    {
        if (!name.StartsWith(entry, StringComparison.Ordinal)) return false;
        if (name.Length == entry.Length) return true;
        return depth > 0 && name[entry.Length] == '/' && (depth > 1 || name.IndexOf('/', entry.Length + 1) < 0);
    }

    // §6.2.2 /shared/admin: every domain has a postmaster (RFC 5321 §4.5.1).
    private static IEnumerable<Annotation> ServerEntries(ImapSession session) =>
        [new Annotation(SetMetadataCommand.AdminEntry, Encoding.ASCII.GetBytes($"mailto:postmaster@{session.Identity!.Address.Domain.Ascii}"))];
}
