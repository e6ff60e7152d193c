using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Dialogues;
using Posthorn.Directory;
using Posthorn.Wire;

namespace Posthorn.Smtp.Tests;

/// <summary>Plays tests/Dialogues/smtp/*.dlg, each against a server of its own.</summary>
public sealed class DialogueTests
{
    private static readonly IPEndPoint Stranger = new(IPAddress.Parse("192.0.2.7"), 40000);

    public static TheoryData<string> Names => [.. Dialogue.ReadFolder("smtp").Select(dialogue => dialogue.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_dialogue_goes_as_it_is_written(string name)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(60));
        var dialogue = Dialogue.ReadFolder("smtp").Single(dialogue => dialogue.Name == name);
        await using var server = await TestServer.StartAsync(timeout.Token);
        var scene = new Scene(server, timeout.Token);
        await new DialoguePlayer(scene.ConnectAsync, scene.DirectAsync, literals: false, timeout.Token).PlayAsync(dialogue);
    }

    private sealed class Scene(TestServer server, CancellationToken ct)
    {
        private IPEndPoint _from = Stranger;
        private bool _tls;

        public async ValueTask<WireConnection> ConnectAsync() => _tls ? await server.ConnectTlsAsync() : server.Connect(_from);

        // @ submission           the next connections are to a submission port
        // @ lmtp                 the next connections are to an LMTP port
        // @ verify               VRFY and EXPN answer who is logged in
        // @ sends M R F          ann may send M messages, to R recipients, F of them new, and in every name of her domain
        // @ rule ACTION K=V ...  a rule with these conditions, and the block as its text
        // @ greylist             strangers are asked to come back
        // @ xclient              the stranger's network may speak for others
        // @ lines N              a line of a message has at most so many octets
        // @ tls                  the next connections have TLS from their first octet
        // @ no tls               STARTTLS is not offered
        // @ loopback             the next connections come from this machine
        // @ starttls [n]         the handshake, behind the go-ahead
        // @ data                 the block and the dot are sent, after 354
        // @ raw TEXT             the text is sent as it is, \r \n and \0 in it being octets
        // @ large N              a message of so many octets, and the dot
        // @ inbox ADDRESS        the newest message there has the lines of the block, in this order
        // @ octets ADDRESS TEXT  the newest message there ends with the text, escapes as above
        // @ carried              the newest message in the queue carries the parameters of the block
        // @ inbox ADDRESS N      there are so many messages
        public async ValueTask DirectAsync(DialoguePlayer player, Step step)
        {
            var words = step.Text.Split(' ');
            switch (words)
            {
                case ["submission"]:
                    server.Settings = server.Settings with { Role = SmtpRole.Submission };
                    break;
                case ["lmtp"]:
                    server.Settings = server.Settings with { Role = SmtpRole.Lmtp, Banner = "LMTP Posthorn" };
                    break;
                case ["verify"]:
                    server.Settings = server.Settings with { Verifies = true };
                    break;
                case ["sends", var daily, var recipients, var firstTime]:
                    await server.LimitAsync(new OwnSendingLimits(int.Parse(daily), int.Parse(recipients), int.Parse(firstTime)), ct);
                    break;
                case ["rule", var action, .. var conditions]:
                    await RuleAsync(action, conditions, Encoding.UTF8.GetString(step.Block ?? []).Trim());
                    break;
                case ["greylist"]:
                    server.Settings = server.Settings with { Greylists = true };
                    break;
                case ["xclient"]:
                    Assert.True(NetworkSet.TryParse(["192.0.2.0/24"], out var proxies, out _));
                    server.Settings = server.Settings with { XclientNetworks = proxies };
                    break;
                case ["lines", var octets]:
                    server.Settings = server.Settings with { TextLineOctetsMax = int.Parse(octets) };
                    break;
                case ["tls"]:
                    _tls = true;
                    break;
                case ["no", "tls"]:
                    server.OffersTls = false;
                    break;
                case ["loopback"]:
                    _from = new IPEndPoint(IPAddress.Loopback, 40000);
                    break;
                case ["starttls", ..]:
                    var connection = await player.ConnectionAsync(words.Length > 1 ? int.Parse(words[1]) : 1);
                    if (!(await connection.UpgradeToTlsAsync(new TlsClient("mail.example.test", (_, _, _, _) => true), ct)).Ok)
                        throw new DialogueException("the handshake failed");
                    break;
                case ["data"]:
                    await player.SendAsync(1, step.Block);
                    await player.SendAsync(1, ".\r\n"u8.ToArray());
                    break;
                case ["raw", ..]:
                    await player.SendAsync(1, Encoding.UTF8.GetBytes(Octets(step.Text[4..])));
                    break;
                case ["octets", var address, var end]:
                    Assert.EndsWith(Octets(end), (await server.InboxAsync(address, ct))[^1], StringComparison.Ordinal);
                    break;
                case ["large", var octets]:
                    var filling = new string('x', int.Parse(octets) - 20);
                    await player.SendAsync(1, Encoding.ASCII.GetBytes($"Subject: large\r\n\r\n{filling}\r\n.\r\n"));
                    break;
                case ["carried"]:
                    Match(step, await server.CarriedAsync(ct));
                    break;
                case ["inbox", var address]:
                    Match(step, (await server.InboxAsync(address, ct))[^1]);
                    break;
                case ["inbox", var address, var count]:
                    var messages = await server.InboxAsync(address, ct);
                    if (messages.Count != int.Parse(count)) throw new DialogueException($"there are {messages.Count} messages");
                    break;
                default:
                    throw new DialogueException($"nobody knows how to {step.Text}");
            }
        }

        private async Task RuleAsync(string action, string[] conditions, string text)
        {
            string? Of(string name) =>
                conditions.FirstOrDefault(condition => condition.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
            var network = Of("network") is { } cidr ? IPNetwork.Parse(cidr) : default(IPNetwork?);
            var verdict = VerdictCondition.TryParse(Of("verdict") ?? "", out var parsed) ? parsed : null;
            var match = new RuleMatch(Of("listener"), network, Of("helo"), Of("sender"), Of("recipient"), Of("header"), verdict);
            (await server.Rules.AddAsync(Authority.System, 1, match, Enum.Parse<RuleAction>(action), text, ct)).Require();
        }

        private static string Octets(string text) => text.Replace("\\r", "\r").Replace("\\n", "\n").Replace("\\0", "\0");

        private static void Match(Step step, string message)
        {
            var at = 0;
            foreach (var line in Encoding.UTF8.GetString(step.Block!).Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
            {
                var found = message.IndexOf(line, at, StringComparison.Ordinal);
                if (found < 0) throw new DialogueException($"there is no {line} in\n{message}");
                at = found + line.Length;
            }
        }
    }
}
