using System.Net;
using System.Text;
using Posthorn.Dialogues;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Pop3.Tests;

/// <summary>Plays tests/Dialogues/pop3/*.dlg, each against a server of its own.</summary>
public sealed class DialogueTests
{
    private static readonly IPEndPoint Stranger = new(IPAddress.Parse("192.0.2.7"), 40000);

    public static TheoryData<string> Names => [.. Dialogue.ReadFolder("pop3").Select(dialogue => dialogue.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_dialogue_goes_as_it_is_written(string name)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(60));
        var dialogue = Dialogue.ReadFolder("pop3").Single(dialogue => dialogue.Name == name);
        await using var server = await TestServer.StartAsync(timeout.Token);
        var scene = new Scene(server, timeout.Token);
        await new DialoguePlayer(scene.ConnectAsync, scene.DirectAsync, literals: false, timeout.Token).PlayAsync(dialogue);
    }

    private sealed class Scene(TestServer server, CancellationToken ct)
    {
        private IPEndPoint? _from;
        private bool _tls;

        public async ValueTask<WireConnection> ConnectAsync() => _tls ? await server.ConnectTlsAsync() : server.Connect(_from);

        // @ stranger                 the next connections come from another machine
        // @ tls                      the next connections have TLS from their first octet
        // @ no tls                   STLS is not offered
        // @ starttls                 the handshake, behind the go-ahead
        // @ login [n]                the greeting is read and ann logs in on connection n
        // @ view unread              maildrops are of that view
        // @ lock none                several sessions have a maildrop
        // @ delay SECONDS            between two log-ins
        // @ pipeline                 the lines of the block are sent in one piece
        // @ message [flags] [in M]   the block becomes a message of a mailbox, INBOX when none is named
        // @ expunge UID              somebody else deletes a message of INBOX
        // @ mailbox M SUBJECTS       these are its messages; an asterisk stands behind one that was read
        public async ValueTask DirectAsync(DialoguePlayer player, Step step)
        {
            var words = step.Text.Split(' ');
            switch (words)
            {
                case ["stranger"]:
                    _from = Stranger;
                    break;
                case ["tls"]:
                    _tls = true;
                    break;
                case ["no", "tls"]:
                    server.OffersTls = false;
                    break;
                case ["starttls"]:
                    var connection = await player.ConnectionAsync(1);
                    if (!(await connection.UpgradeToTlsAsync(new TlsClient("mail.example.test", (_, _, _, _) => true), ct)).Ok)
                        throw new DialogueException("the handshake failed");
                    break;
                case ["login", ..]:
                    await LogInAsync(player, words.Length > 1 ? int.Parse(words[1]) : 1);
                    break;
                case ["view", "unread"]:
                    server.Settings = server.Settings with { View = MaildropView.Unread };
                    break;
                case ["lock", "none"]:
                    server.Settings = server.Settings with { LocksMaildrop = false };
                    break;
                case ["delay", var seconds]:
                    server.Settings = server.Settings with { LoginDelay = TimeSpan.FromSeconds(int.Parse(seconds)) };
                    break;
                case ["pipeline"]:
                    await player.SendAsync(1, step.Block);
                    break;
                case ["message", ..]:
                    var flags = words[1..].Where(word => word[0] == '\\').Aggregate(
                        SystemFlags.None, (all, word) => all | Enum.Parse<SystemFlags>(word[1..]));
                    var mailbox = words.Length > 2 && words[^2] == "in" ? words[^1] : "INBOX";
                    await server.DeliverAsync(Encoding.Latin1.GetString(step.Block!), ct, mailbox, flags);
                    break;
                case ["expunge", var uid]:
                    (await server.Store.Emails.RemoveAsync(server.Account, Mailbox.Inbox, [new Core.Uid(uint.Parse(uid))], ct)).Require();
                    break;
                case ["mailbox", var seen, ..]:
                    var subjects = string.Join(' ', await server.SubjectsAsync(ct, seen));
                    if (subjects != string.Join(' ', words[2..])) throw new DialogueException($"{seen} has {subjects}");
                    break;
                default:
                    throw new DialogueException($"nobody knows how to {step.Text}");
            }
        }

        private static async ValueTask LogInAsync(DialoguePlayer player, int number)
        {
            await player.ReadAsync(number);
            await player.SendAsync(number, Encoding.ASCII.GetBytes($"USER {TestServer.User}\r\nPASS {TestServer.Password}\r\n"));
            await player.ReadAsync(number);
            if (await player.ReadAsync(number) is not { } reply || !reply.StartsWith("+OK", StringComparison.Ordinal))
                throw new DialogueException("the log-in failed");
        }
    }
}
