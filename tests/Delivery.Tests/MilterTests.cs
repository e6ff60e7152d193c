using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class MilterTests
{
    private const string Message = "From: eve@remote.test\r\nSubject: Plan\r\n\tfolded\r\nX-Old: one\r\nX-Old: two\r\n\r\nA line.\r\n";
    private static readonly MilterClient Client =
        new(new IPEndPoint(IPAddress.Parse("192.0.2.7"), 4711), "s") { Helo = "client.example", Login = "ann" };

    [Fact]
    public async Task A_milter_hears_every_stage_in_the_words_of_the_protocol()
    {
        await using var milter = new ScriptedMilter();
        await using var host = await OpenAsync(milter);
        await host.AddAsync("ann");
        Assert.True((await SendAsync(host)).Ok);
        Assert.Equal(
            [
                "C [192.0.2.7]|4\u0012g192.0.2.7|", "H client.example|", "M <eve@remote.test>|", "R <ann@example.test>|", "T ",
                "L From| eve@remote.test|",
                "L Subject| Plan\n\tfolded|", "L X-Old| one|", "L X-Old| two|", "N ", "B A line.\r\n", "E ",
            ],
            milter.Heard.Where(line => line[0] is not ('D' or 'O' or 'Q')));
        Assert.Contains("D M{auth_authen}|ann|{auth_type}|SASL|{mail_addr}|eve@remote.test|", milter.Heard);
    }

    [Fact]
    public async Task What_it_changes_is_what_is_delivered()
    {
        await using var milter = new ScriptedMilter
        {
            AtEnd = ["hX-Added|yes|", "i\0\0\0\0X-First|a\nb|", "m\0\0\0\u0002X-Old||", "m\0\0\0\u0001Subject|Other|", "bNew ", "bbody.\r\n", "c"],
        };
        await using var host = await OpenAsync(milter);
        var ann = await host.AddAsync("ann");
        Assert.True((await SendAsync(host)).Ok);
        Assert.EndsWith(
            "\r\nX-First: a\r\n\tb\r\nFrom: eve@remote.test\r\nSubject: Other\r\nX-Old: one\r\nX-Added: yes\r\n\r\nNew body.\r\n",
            Assert.Single(await host.InboxAsync(ann)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData('M', "r", RefusalKind.Forbidden, "the message is refused by a filter")]
    [InlineData('R', "y550 5.7.1 not here|", RefusalKind.Forbidden, "5.7.1 not here")]
    [InlineData('C', "t", RefusalKind.TemporarilyUnavailable, "a filter asks to try again later")]
    [InlineData('H', "y451 later|", RefusalKind.TemporarilyUnavailable, "later")]
    [InlineData('E', "y550 spam|", RefusalKind.Forbidden, "spam")]
    [InlineData('L', "r", RefusalKind.Forbidden, "the message is refused by a filter")]
    [InlineData('E', "+<x@example.test>|", RefusalKind.TemporarilyUnavailable, "a filter is not available, please try again later")]
    [InlineData('E', "z", RefusalKind.TemporarilyUnavailable, "a filter is not available, please try again later")]
    public async Task Its_no_is_the_clients(char stage, string answer, RefusalKind kind, string text)
    {
        await using var milter = new ScriptedMilter();
        milter.Answers[stage] = answer;
        await using var host = await OpenAsync(milter);
        var ann = await host.AddAsync("ann");
        var refusal = (await SendAsync(host)).Refusal!;
        Assert.Equal((kind, text), (refusal.Kind, refusal.Text));
        Assert.Empty(await host.InboxAsync(ann));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory]
    [InlineData('E')]
    [InlineData('M')]
    public async Task What_it_discards_is_taken_and_nobody_gets_it(char stage)
    {
        await using var milter = new ScriptedMilter();
        milter.Answers[stage] = "d";
        await using var host = await OpenAsync(milter);
        var ann = await host.AddAsync("ann");
        Assert.True((await SendAsync(host)).Ok);
        Assert.Empty(await host.InboxAsync(ann));
        Assert.Empty(await host.QueuedAsync());
    }

    [Fact]
    public async Task What_it_accepts_it_hears_no_more_of()
    {
        await using var milter = new ScriptedMilter();
        milter.Answers['R'] = "a";
        await using var host = await OpenAsync(milter);
        Assert.NotNull(await host.AddAsync("ann"));
        Assert.True((await SendAsync(host)).Ok);
        Assert.DoesNotContain(milter.Heard, line => line[0] is 'T' or 'L' or 'B' or 'E');
    }

    [Fact]
    public async Task What_it_puts_into_quarantine_waits_for_an_operator()
    {
        await using var milter = new ScriptedMilter { AtEnd = ["qlooks odd|", "c"] };
        await using var host = await OpenAsync(milter);
        var ann = await host.AddAsync("ann");
        Assert.True((await SendAsync(host)).Ok);
        await host.WorkAsync();
        Assert.Empty(await host.InboxAsync(ann));
        var item = Assert.Single(await host.QueuedAsync());
        Assert.Equal((QueueState.Held, "looks odd"), (item.State, item.LastReply));
        Assert.True((await host.Queue.DoAsync(QueueDeed.Release, item.Id)).Ok);
        await host.WorkAsync();
        Assert.Single(await host.InboxAsync(ann));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_none_is_there_the_operator_has_decided(bool open)
    {
        var gone = new ScriptedMilter();
        await gone.DisposeAsync();
        await using var host = await DeliveryHost.OpenAsync(
            DatabaseKind.Sqlite, settings => settings with { Milters = new MilterSettings { Milters = [gone.EndPoint], FailOpen = open } });
        var ann = await host.AddAsync("ann");
        var sent = await SendAsync(host);
        Assert.Equal(open, sent.Ok);
        Assert.Equal(open ? 1 : 0, (await host.InboxAsync(ann)).Count);
        if (!open) Assert.Equal(RefusalKind.TemporarilyUnavailable, sent.Refusal!.Kind);
    }

    [Fact]
    public async Task A_milter_that_wants_no_stage_is_asked_for_none()
    {
        await using var milter = new ScriptedMilter
        {
            Steps = MilterSteps.NoConnect | MilterSteps.NoHelo | MilterSteps.NoMail | MilterSteps.NoRcpt
            | MilterSteps.NoData | MilterSteps.NoHeaders | MilterSteps.NoEndOfHeaders | MilterSteps.NoBody
        };
        await using var host = await OpenAsync(milter);
        await host.AddAsync("ann");
        Assert.True((await SendAsync(host)).Ok);
        Assert.Equal(["E "], milter.Heard.Where(line => line[0] is not ('D' or 'O' or 'Q')));
    }

    [Theory]
    [InlineData("127.0.0.1:11332", true)]
    [InlineData("[::1]:8891", true)]
    [InlineData("unix:/run/opendkim/opendkim.sock", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("localhost:1", false)]
    [InlineData("unix:", false)]
    [InlineData("unix:relative", false)]
    public void A_milters_address_is_one_of_three_kinds(string text, bool expected) => Assert.Equal(expected, MilterEndPoint.TryParse(text, out _));

    private static Task<DeliveryHost> OpenAsync(ScriptedMilter milter) => DeliveryHost.OpenAsync(
        DatabaseKind.Sqlite, settings => settings with { Milters = new MilterSettings { Milters = [milter.EndPoint] } });

    // As a speaker does it, stage for stage.
    private static async Task<Result<Receipt>> SendAsync(DeliveryHost host)
    {
        await using var milters = host.Intake.BeginMilters()!;
        var (from, to) = (new ReversePath(EmailAddress.Parse("eve@remote.test")), DeliveryHost.At("ann"));
        var refusal = await milters.ConnectAsync(Client, default) ?? await milters.HelloAsync(Client, default)
            ?? await milters.MailAsync(from, Client, default) ?? await milters.RecipientAsync(to, default);
        if (refusal is not null) return refusal;
        var recipient = (await host.Intake.RecipientAsync(to, null)).Require();
        return await host.Intake.AcceptAsync(
            new Envelope(from, [recipient]), new Origin { Milters = milters }, new MemoryStream(Encoding.UTF8.GetBytes(Message)));
    }

    /// <summary>A milter that answers as it is told; in its scripts <c>|</c> stands for NUL.</summary>
    private sealed class ScriptedMilter : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task _serving;

        public ScriptedMilter()
        {
            _listener.Start();
            EndPoint = new MilterEndPoint("scripted", (IPEndPoint)_listener.LocalEndpoint);
            _serving = ServeAsync();
        }

        public MilterEndPoint EndPoint { get; }

        public MilterSteps Steps { get; init; } = MilterSteps.HeaderLeadingSpace;

        public Dictionary<char, string> Answers { get; } = [];

        public string[] AtEnd { get; init; } = ["p", "c"];

        public List<string> Heard { get; } = [];

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _serving;
        }

        private async Task ServeAsync()
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync();
                var stream = client.GetStream();
                var head = new byte[5];
                while (await stream.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false) == 5)
                {
                    var data = new byte[BinaryPrimitives.ReadInt32BigEndian(head) - 1];
                    await stream.ReadExactlyAsync(data);
                    var command = (char)head[4];
                    Heard.Add($"{command} {Encoding.Latin1.GetString(data).Replace('\0', '|')}");
                    if (command == 'O') await SendAsync(stream, "O\0\0\0\u0006\0\0\0\u0033" + Encoding.Latin1.GetString(Flags()));
                    else if (command == 'E' && !Answers.ContainsKey('E'))
                    {
                        foreach (var answer in AtEnd) await SendAsync(stream, answer.Replace('|', '\0'));
                    }
                    else if (command is not ('D' or 'A' or 'Q')) await SendAsync(stream, Answers.GetValueOrDefault(command, "c").Replace('|', '\0'));
                    if (command == 'Q') return;
                }
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                // The other side is gone, or the test is over.
            }
        }

        private byte[] Flags()
        {
            var flags = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(flags, (uint)Steps);
            return flags;
        }

        private static async Task SendAsync(NetworkStream stream, string packet)
        {
            var octets = Encoding.Latin1.GetBytes(packet);
            var length = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(length, octets.Length);
            await stream.WriteAsync(length);
            await stream.WriteAsync(octets);
        }
    }
}
