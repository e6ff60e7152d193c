using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>CANCELUPDATE (RFC 5267 §4.3.5): searches that the client follows no longer.</summary>
internal sealed record CancelUpdateCommand(IReadOnlyList<string> Tags) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var tags = new List<string>();
        do
        {
            if (tags.Count == ImapLimits.FetchItemsMax) return r.Missing($"at most {ImapLimits.FetchItemsMax} tags");
            if (!(r.ExpectSpace() && r.ExpectString(ImapLimits.TagOctetsMax, "tag in quotes", out var tag))) return false;
            tags.Add(Encoding.Latin1.GetString(tag));
        }
        while (!r.End);
        command = new CancelUpdateCommand(tags);
        return true;
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        foreach (var tag in Tags) session.Mailbox.Contexts.Cancel(tag);
        return new(Reply.Ok("CANCELUPDATE completed"));
    }
}
