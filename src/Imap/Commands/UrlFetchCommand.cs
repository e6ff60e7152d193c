using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>URLFETCH (RFC 4467 §7): reads what an authorized URL leads to, with its owner's access. NIL tells no reason.</summary>
internal sealed record UrlFetchCommand(IReadOnlyList<string> Urls) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var urls = new List<string>();
        do
        {
            if (urls.Count == ImapLimits.UrlsMax) return r.Missing($"at most {ImapLimits.UrlsMax} URLs");
            if (!(r.ExpectSpace() && r.ExpectAstring(ImapLimits.UrlOctetsMax, "URL", out var url))) return false;
            urls.Add(Encoding.Latin1.GetString(url));
        }
        while (!r.End);
        command = new UrlFetchCommand(urls);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        for (var i = 0; i < Urls.Count; i++)
        {
            var source = await OpenAsync(session, Urls[i], ct);
            using var message = source?.Message;
            try
            {
                Head(session, i, source);
                if (source?.Message is not null && !await CopyAsync(session, source, ct)) return Replies.Gone;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw new BrokenResponseException(e);
            }
        }
        session.Connection.Output.Write("\r\n"u8);
        return Reply.Ok("URLFETCH completed");
    }

    // Null for whatever is not in order.
    private static async ValueTask<SectionSource?> OpenAsync(ImapSession session, string url, CancellationToken ct)
    {
        if (!AuthorizedUrl.TryParse(url, out var parsed) || parsed.Token is not { } token) return null;
        if (!UrlToken.Mechanism.Equals(parsed.Mechanism, StringComparison.OrdinalIgnoreCase) || !session.Server.IsHost(parsed.Host)) return null;
        if (parsed.Expires < session.Connection.Time.GetUtcNow() || !IsAllowed(session, parsed)) return null;
        var store = session.Server.Store;
        var owner = await session.Server.Accounts.FindAsync(parsed.Owner, ct);
        var isThere = owner is { RemovedAt: null, DisabledAt: null };
        var mailbox = isThere ? await store.Mailboxes.FindAsync(owner!.Id, parsed.Message.Mailbox!, ct) : null;
        var key = mailbox is null ? null : await store.UrlKeys.FindAsync(owner!.Id, mailbox.Id, ct);
        if (!UrlToken.IsRight(key, parsed.Rump, token)) return null;
        return await SectionSource.OpenAsync(store, owner!.Id, parsed.Message, null, ct);
    }

    // §3: nobody is a submission program here, so that "submit+" is for nobody.
    private static bool IsAllowed(ImapSession session, AuthorizedUrl url) => url.Access switch
    {
        UrlAccess.User => url.Grantee!.Key == session.Identity!.Address.Key,
        UrlAccess.Submit => false,
        _ => true,
    };

    private void Head(ImapSession session, int index, SectionSource? source)
    {
        var w = session.Connection.Write();
        w.Raw(index == 0 ? "* URLFETCH "u8 : " "u8);
        w.String(Encoding.Latin1.GetBytes(Urls[index]));
        w.Space();
        if (source is null) w.Nil();
        else if (source.Octets is { } octets) w.String(octets);
        else if (source.Length == 0) w.Raw("\"\""u8);
        else w.LiteralHead(source.Length);
        w.Commit();
    }

    private static async ValueTask<bool> CopyAsync(ImapSession session, SectionSource source, CancellationToken ct)
    {
        var (offset, left) = (source.Start, source.Length);
        while (left > 0)
        {
            var memory = session.Connection.Output.GetMemory((int)Math.Min(left, ImapLimits.BodyChunkOctets));
            var read = await source.Message!.ReadAsync(offset, memory[..(int)Math.Min(left, memory.Length)], ct);
            if (read == 0) throw new EndOfStreamException("the message is shorter than its size says");
            session.Connection.Output.Advance(read);
            offset += read;
            left -= read;
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        return true;
    }
}
