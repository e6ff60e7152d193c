using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>SETMETADATA (RFC 5464 §4.3). The empty name is the server, whose shared entries its administrators write.</summary>
internal sealed record SetMetadataCommand(MailboxName Mailbox, IReadOnlyList<Annotation> Annotations) : Command
{
    /// <summary>Told by the server and never set (RFC 5464 §3.2.1.1).</summary>
    public const string AdminEntry = "/shared/admin";

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var annotations = new List<Annotation>();
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var mailbox) && r.ExpectSpace() && r.ExpectByte((byte)'(', "\"(\""))) return false;
        do
        {
            if (annotations.Count == ImapLimits.EntriesMax) return r.Missing($"at most {ImapLimits.EntriesMax} entries");
            if (!(EntryName.Expect(ref r, out var name) && r.ExpectSpace())) return false;
            if (!ExpectValue(ref r, out var value)) return false;
            annotations.Add(new Annotation(name, value));
        }
        while (r.TrySpace());
        if (!(r.ExpectByte((byte)')', "\")\"") && r.ExpectEnd())) return false;
        command = new SetMetadataCommand(mailbox, annotations);
        return true;
    }

    // value = nstring / literal8 (§5); MailKit sends words as atoms, which can mean nothing else.
    private static bool ExpectValue(ref GrammarReader r, out byte[]? value)
    {
        value = null;
        if (r.TryWord("NIL"u8)) return true;
        r.TryByte((byte)'~'); // literal8
        return r.ExpectAstring(ImapLimits.CommandOctetsMax, "value", out value);
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (Annotations.Any(annotation => annotation.Value?.Length > ImapLimits.EntryOctetsMax))
        {
            return Reply.No("the value is too long", string.Create(CultureInfo.InvariantCulture, $"METADATA MAXSIZE {ImapLimits.EntryOctetsMax}"));
        }
        var annotations = session.Server.Store.Annotations;
        Result<bool> set;
        if (Mailbox.Path.Length == 0)
        {
            if (Annotations.Any(annotation => annotation.Entry == AdminEntry)) return Reply.No("this entry is the server's own", "NOPERM");
            if (Annotations.Any(annotation => !annotation.IsPrivate) && session.Identity!.Role != Role.Admin)
                return Reply.No("only an administrator of the server sets its shared entries", "NOPERM");
            set = await annotations.SetOnServerAsync(session.Account, Annotations, ct);
        }
        else
        {
            if (await session.Server.Store.Mailboxes.FindAsync(session.Account, Mailbox.Path, ct) is not { } found) return Replies.NonExistent;
            set = await annotations.SetOnMailboxAsync(session.Account, found.Id, session.Account, Annotations, ct);
        }
        foreach (var annotation in Annotations) session.Watch?.Own(Mailbox.Path + "\0" + annotation.Entry);
        if (set.Refusal is not { } refusal) return Reply.Ok("SETMETADATA completed");
        return refusal.Kind == RefusalKind.TooMany ? Reply.No(refusal.Text, "METADATA TOOMANY") : Replies.From(refusal);
    }
}
