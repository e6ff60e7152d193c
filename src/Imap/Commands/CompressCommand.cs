using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>COMPRESS (RFC 4978 §3).</summary>
internal sealed record CompressCommand : Command
{
    private static readonly CompressCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectSpace() && r.ExpectKeyword("DEFLATE"u8) && r.ExpectEnd();
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (session.Connection.IsCompressed) return Reply.Bad("compression is active already");
        var goAhead = Encoding.ASCII.GetBytes($"{session.Tag} OK DEFLATE active\r\n");
        return await session.Connection.UpgradeToDeflateAsync(goAhead, ct) ? Reply.Said : Reply.Gone;
    }
}
