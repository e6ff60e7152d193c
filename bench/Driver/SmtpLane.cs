using System.Diagnostics;
using System.Text;

namespace Posthorn.Bench;

/// <summary>
/// An SMTP client in lockstep, as the peers' own clients are: MAIL, RCPT, DATA, message, each after the reply to the last. A connection
/// carries 100 messages.
/// </summary>
internal sealed class SmtpLane(int port, Tally tally, MessageTemplate[] templates, Func<int, string> recipient) : Lane(port, tally)
{
    private const int MessagesPerConnection = 100;
    private static readonly byte[] Hello = "EHLO client.sender.test\r\n"u8.ToArray();
    private static readonly byte[] Mail = "MAIL FROM:<bench@sender.test>\r\n"u8.ToArray();
    private static readonly byte[] Data = "DATA\r\n"u8.ToArray();
    private static readonly byte[] Quit = "QUIT\r\n"u8.ToArray();
    private readonly byte[] _message = new byte[templates.Max(t => t.Length) + 3];
    private Stage _stage;
    private bool _begun;
    private int _sentHere;
    private long _started;
    private long _number;
    private int _user;

    private enum Stage { Greeting, Hello, Mail, Recipient, Data, Message, Quit }

    public override void Begin()
    {
        _begun = true;
        Next();
    }

    protected override void OnOpen()
    {
        _stage = Stage.Greeting;
        _sentHere = 0;
    }

    protected override void OnLine(ReadOnlySpan<byte> line)
    {
        if (line.Length > 3 && line[3] == '-')
            return;
        var expected = _stage == Stage.Data ? (byte)'3' : (byte)'2';
        if (line.Length < 3 || line[0] != expected)
            throw new IOException($"{_stage}: {Encoding.UTF8.GetString(line)}");
        switch (_stage)
        {
            case Stage.Greeting: Advance(Stage.Hello, Hello); break;
            case Stage.Hello: Greeted(); break;
            case Stage.Mail: Advance(Stage.Recipient, Encoding.ASCII.GetBytes($"RCPT TO:<{recipient(_user)}>\r\n")); break;
            case Stage.Recipient: Advance(Stage.Data, Data); break;
            case Stage.Data: Advance(Stage.Message, Fill()); break;
            case Stage.Message: Acknowledged(); break;
            case Stage.Quit: Again(); break;
        }
    }

    private void Greeted()
    {
        Ready = true;
        if (_begun)
            Next();
    }

    private void Next()
    {
        if (_sentHere == MessagesPerConnection || !Tally.TryTake(1, out _number, out _user))
        {
            Advance(Stage.Quit, Quit);
            return;
        }
        _started = Stopwatch.GetTimestamp();
        Advance(Stage.Mail, Mail);
    }

    private ReadOnlyMemory<byte> Fill()
    {
        var template = templates[_number % templates.Length];
        template.WriteTo(_message, _number);
        ".\r\n"u8.CopyTo(_message.AsSpan(template.Length));
        return _message.AsMemory(0, template.Length + 3);
    }

    private void Acknowledged()
    {
        Tally.Latencies.Add(Stopwatch.GetTimestamp() - _started);
        Tally.PerUser[_user]++;
        _sentHere++;
        Next();
    }

    private void Again()
    {
        if (_sentHere < MessagesPerConnection)
            Close();
        else
            Open();
    }

    private void Advance(Stage stage, ReadOnlyMemory<byte> bytes)
    {
        _stage = stage;
        Send(bytes);
    }
}
