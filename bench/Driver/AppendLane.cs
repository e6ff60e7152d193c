using System.Diagnostics;
using System.Text;

namespace Posthorn.Bench;

/// <summary>
/// An IMAP client that appends: one message a command with a non-synchronizing literal (RFC 7888), or <paramref name="batch"/> messages a
/// command (RFC 3502), which only the filling of mailboxes uses.
/// </summary>
internal sealed class AppendLane(Target target, Tally tally, MessageTemplate[] templates, int account, string mailbox, int batch)
    : Lane(target.ImapPort, tally)
{
    private static readonly byte[] Tag = "a1 "u8.ToArray();
    private byte[] _command = new byte[64 * 1024];
    private Stage _stage;
    private bool _begun;
    private long _started;
    private int _user;

    private enum Stage { Greeting, Login, Append, Logout }

    public override void Begin()
    {
        _begun = true;
        Next();
    }

    protected override void OnOpen() => _stage = Stage.Greeting;

    protected override void OnLine(ReadOnlySpan<byte> line)
    {
        if (_stage == Stage.Greeting)
        {
            _stage = Stage.Login;
            Send(Encoding.ASCII.GetBytes($"a1 LOGIN \"{target.Account(account)}\" \"{Target.Password}\"\r\n"));
            return;
        }
        if (!line.StartsWith(Tag))
            return;
        if (!line.StartsWith("a1 OK"u8))
            throw new IOException($"{_stage}: {Encoding.UTF8.GetString(line)}");
        switch (_stage)
        {
            case Stage.Login: LoggedIn(); break;
            case Stage.Append: Acknowledged(); break;
            default: Close(); break;
        }
    }

    private void LoggedIn()
    {
        Ready = true;
        if (_begun)
            Next();
    }

    private void Next()
    {
        if (!Tally.TryTake(batch, out var number, out _user))
        {
            _stage = Stage.Logout;
            Send("a1 LOGOUT\r\n"u8.ToArray());
            return;
        }
        _stage = Stage.Append;
        int length = Encoding.ASCII.GetBytes($"a1 APPEND {mailbox}", _command);
        for (int i = 0; i < batch; i++)
        {
            var template = templates[(number + i) % templates.Length];
            if (_command.Length < length + template.Length + 64)
                Array.Resize(ref _command, (2 * _command.Length) + template.Length);
            length += Encoding.ASCII.GetBytes($" {{{template.Length}+}}\r\n", _command.AsSpan(length));
            template.WriteTo(_command.AsSpan(length), number + i);
            length += template.Length;
        }
        "\r\n"u8.CopyTo(_command.AsSpan(length));
        _started = Stopwatch.GetTimestamp();
        Send(_command.AsMemory(0, length + 2));
    }

    private void Acknowledged()
    {
        var took = Stopwatch.GetTimestamp() - _started;
        for (int i = 0; i < batch; i++)
            Tally.Latencies.Add(took);
        Tally.PerUser[_user] += batch;
        Next();
    }
}
