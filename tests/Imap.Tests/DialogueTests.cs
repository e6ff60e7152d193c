using System.Text;
using Posthorn.Dialogues;
using Posthorn.Store;

namespace Posthorn.Imap.Tests;

/// <summary>Plays tests/Dialogues/imap/*.dlg, each against a server of its own.</summary>
public sealed class DialogueTests
{
    public static TheoryData<string> Names => [.. Dialogue.ReadFolder("imap").Select(dialogue => dialogue.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_dialogue_goes_as_it_is_written(string name)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(60));
        var dialogue = Dialogue.ReadFolder("imap").Single(dialogue => dialogue.Name == name);
        await using var server = await TestServer.StartAsync(timeout.Token, plaintext: !dialogue.Steps.Any(step => step.Text == "no plaintext"));
        var player = new DialoguePlayer(
            () => new(server.Connect()), (player, step) => DirectAsync(player, step, server, timeout.Token), literals: true, timeout.Token);
        await player.PlayAsync(dialogue);
    }

    // @ login [n]            the greeting is read and ann logs in on connection n
    // @ message [flags]      the block becomes a message of INBOX, as if delivered
    // @ messages n           so many small ones
    // @ admin                ann becomes an administrator of the server, as of the next log-in
    // @ deflate              the client compresses and expects the server to
    // @ send TEXT            is sent with \r, \n and \0 as the octets they mean
    // @ no plaintext         passwords need TLS
    private static async ValueTask DirectAsync(DialoguePlayer player, Step step, TestServer server, CancellationToken ct)
    {
        var words = step.Text.Split(' ');
        switch (words[0])
        {
            case "login":
                var number = words.Length > 1 ? int.Parse(words[1]) : 1;
                await player.ReadAsync(number);
                await player.SendAsync(number, Encoding.ASCII.GetBytes($"login LOGIN {TestServer.User} \"{TestServer.Password}\"\r\n"));
                if (await player.ReadAsync(number) is not { } reply || !reply.StartsWith("login OK", StringComparison.Ordinal))
                    throw new DialogueException("the log-in failed");
                break;
            case "message":
                var flags = words[1..].Aggregate(SystemFlags.None, (all, word) => all | Enum.Parse<SystemFlags>(word.Trim('(', ')', '\\')));
                await server.DeliverAsync("INBOX", step.Block ?? throw new DialogueException("a message has lines"), ct, flags);
                break;
            case "messages":
                for (var i = 1; i <= int.Parse(words[1]); i++)
                    await server.DeliverAsync("INBOX", Encoding.ASCII.GetBytes($"Subject: {i}\r\n\r\n{i}\r\n"), ct);
                break;
            case "admin":
                await server.MakeAdministratorAsync(ct);
                break;
            case "deflate":
                if (!await (await player.ConnectionAsync(1)).UpgradeToDeflateAsync(default, ct))
                    throw new DialogueException("the connection is gone");
                break;
            case "send":
                var text = step.Text[5..].Replace("\\r", "\r").Replace("\\n", "\n").Replace("\\0", "\0");
                await player.SendAsync(1, Encoding.UTF8.GetBytes(text));
                break;
            case "no":
                break;
            default:
                throw new DialogueException($"nobody knows how to {step.Text}");
        }
    }
}
