using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>ID (RFC 2971 §3.1): who the client is goes to the log, and nowhere else.</summary>
internal sealed record IdCommand(string Client) : Command
{
    // RFC 2971 §3.3: at most 30 pairs, field names of 30 octets, values of 1,024.
    private const int PairsMax = 30;
    private const int FieldOctetsMax = 30;
    private const int ValueOctetsMax = 1024;

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var client = new StringBuilder();
        if (!r.ExpectSpace()) return false;
        if (!r.TryWord("NIL"u8))
        {
            if (!r.ExpectByte((byte)'(', "\"(\" or NIL")) return false;
            for (var pairs = 0; !r.TryByte((byte)')'); pairs++)
            {
                if (pairs == PairsMax) return r.Missing($"at most {PairsMax} pairs");
                if (pairs > 0 && !r.ExpectSpace()) return false;
                if (!(r.ExpectString(FieldOctetsMax, "field", out var field) && r.ExpectSpace()
                      && r.ExpectNstring(ValueOctetsMax, "value", out var value))) return false;
                if (value is not null && Shown(field) is "name" or "version") client.Append(Shown(value!)).Append(' ');
            }
        }
        command = new IdCommand(client.ToString().TrimEnd());
        return r.ExpectEnd();
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        session.Client = Client;
        if (session.Identity is { } identity) session.Server.Authenticator.NoteClient(identity, session.LoginContext, Client);
        if (Client.Length > 0) Log.ClientId(session.Server.Log, session.Connection.SessionId, Client);
        var w = session.Connection.Write();
        w.Raw("* ID (\"name\" \"Posthorn\""u8);
        if (session.Server.Settings.Version.Length > 0)
        {
            w.Raw(" \"version\" "u8);
            w.String(Encoding.ASCII.GetBytes(session.Server.Settings.Version));
        }
        w.Raw(")\r\n"u8);
        w.Commit();
        return new(Reply.Ok("ID completed"));
    }

    // A log line has no room for line ends or control characters of a stranger.
    private static string Shown(byte[] octets) =>
        string.Create(Math.Min(octets.Length, 64), octets, static (text, octets) =>
        {
            for (var i = 0; i < text.Length; i++) text[i] = octets[i] is >= 0x20 and < 0x7F ? (char)octets[i] : '?';
        });
}
