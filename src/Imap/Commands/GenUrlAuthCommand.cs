using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>GENURLAUTH (RFC 4467 §7): gives URLs a token, with which others may read what they lead to.</summary>
internal sealed record GenUrlAuthCommand(IReadOnlyList<(string Url, string Mechanism)> Urls) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var urls = new List<(string, string)>();
        do
        {
            if (urls.Count == ImapLimits.UrlsMax) return r.Missing($"at most {ImapLimits.UrlsMax} URLs");
            if (!(r.ExpectSpace() && r.ExpectAstring(ImapLimits.UrlOctetsMax, "URL", out var url)
                  && r.ExpectSpace() && r.ExpectAtom(32, "mechanism", out var mechanism))) return false;
            urls.Add((Encoding.Latin1.GetString(url), mechanism));
        }
        while (!r.End);
        command = new GenUrlAuthCommand(urls);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var authorized = new List<string>(Urls.Count);
        foreach (var (url, mechanism) in Urls)
        {
            // RFC 4467 §7: each of these is BAD.
            if (!mechanism.Equals(UrlToken.Mechanism, StringComparison.OrdinalIgnoreCase)) return Reply.Bad("the mechanism is not known");
            if (!AuthorizedUrl.TryParse(url, out var parsed) || parsed.Token is not null)
                return Reply.Bad("this is no URL of a message with an access identifier");
            if (parsed.Owner.Key != session.Identity!.Address.Key) return Reply.Bad("the URL is somebody else's");
            if (!session.Server.IsHost(parsed.Host)) return Reply.Bad("the URL is another server's");
            if (await session.Server.Store.Mailboxes.FindAsync(session.Account, parsed.Message.Mailbox!, ct) is not { } mailbox)
                return Reply.Bad("there is no such mailbox");
            var key = await session.Server.Store.UrlKeys.GetAsync(session.Account, mailbox.Id, ct);
            authorized.Add($"{parsed.Rump}:internal:{UrlToken.Make(key, parsed.Rump)}");
        }
        var w = session.Connection.Write();
        w.Raw("* GENURLAUTH"u8);
        foreach (var url in authorized)
        {
            w.Space();
            w.String(Encoding.Latin1.GetBytes(url));
        }
        w.CrLf();
        w.Commit();
        return Reply.Ok("GENURLAUTH completed");
    }
}
