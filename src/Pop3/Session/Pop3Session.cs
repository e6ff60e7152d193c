using System.Buffers;
using System.Globalization;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Wire;

namespace Posthorn.Pop3;

/// <summary>One client, from the greeting to the end.</summary>
internal sealed class Pop3Session(Pop3Server server, WireConnection connection) : IDisposable
{
    private MaildropDoors.Place? _place;
    private Identity? _identity;
    private Maildrop? _maildrop;
    private int _badInARow;
    private int _loginFailures;
    private IDisposable? _live;

    public Pop3Server Server => server;

    public WireConnection Connection => connection;

    /// <summary>What USER said; null when PASS has nobody to belong to.</summary>
    public string? User { get; set; }

    /// <summary>The client takes messages with headers in UTF-8 (RFC 6856 §2.1).</summary>
    public bool Utf8 { get; set; }

    /// <summary>Only for commands that the table admits after log-in.</summary>
    public Maildrop Maildrop => _maildrop!;

    /// <summary>Only for commands that the table admits after log-in.</summary>
    public Identity Identity => _identity!;

    public SessionStates State => _maildrop is null ? SessionStates.Authorization : SessionStates.Transaction;

    public bool CanStartTls => server.Tls is not null && !connection.IsTls;

    public bool AcceptsPasswords => server.Authenticator.AcceptsPasswords(LoginContext);

    public LoginContext LoginContext => new("pop3", connection.Remote.Address, connection.IsTls)
    {
        ServerEndPoint = connection.ServerEndPoint,
        CertificateAddress = connection.ClientCertificateAddress,
    };

    public async Task RunAsync()
    {
        try
        {
            // Without a challenge in angle brackets: APOP would need passwords that can be read back (RFC 1939 §7).
            if (!await SayAsync(Reply.Ok("Posthorn ready"))) return;
            while (true)
            {
                var line = await connection.Reader.ReadLineAsync();
                var reply = line.Ok ? await ExecuteAsync(line.Line)
                    : line.Status == ReadStatus.Stopping && connection.StopReason is { } reason ? Replies.Stopped(reason)
                    : Replies.Of(line.Status);
                if (!await FinishAsync(reply)) return;
            }
        }
        catch (OperationCanceledException) when (connection.Closed.IsCancellationRequested)
        {
            // The peer left while something was written to it.
        }
    }

    /// <summary>RFC 2595 §4: what the client said before the handshake was never said.</summary>
    public void Forget() => (User, Utf8) = (null, false);

    /// <summary>Somebody has proven who it is: the maildrop opens, unless another session has it.</summary>
    public async ValueTask<Reply> EnterAsync(Identity identity, CancellationToken ct)
    {
        var entry = server.Doors.TryEnter(identity.Account, server.Settings, out var place);
        if (entry != MaildropEntry.Open)
        {
            Log.NotLetIn(server.Log, connection.SessionId, identity.Login, entry.ToString());
            return entry == MaildropEntry.InUse ? Replies.InUse : Replies.LoginDelay;
        }
        _place = place;
        try
        {
            _maildrop = await Maildrop.OpenAsync(server.Store, identity.Account, server.Settings.View, ct);
        }
        finally
        {
            if (_maildrop is null) LeaveMaildrop();
        }
        if (_maildrop is null) return Replies.NoMaildrop;
        _identity = identity;
        _live = server.Authenticator.Live.Enter(identity, () => connection.Stop(LiveLogins.Ended));
        Log.LoggedIn(server.Log, connection.SessionId, identity.Login, _maildrop.Count);
        return Reply.Ok(string.Create(CultureInfo.InvariantCulture, $"{_maildrop.Left} messages ({_maildrop.OctetsLeft} octets)"));
    }

    /// <summary>Counts a failed log-in; too many of them end the connection.</summary>
    public Reply LoginFailed(Refusal refusal)
    {
        User = null;
        if (++_loginFailures < Pop3Limits.LoginFailuresMax) return Replies.OfLogin(refusal);
        Log.TooManyLogins(server.Log, connection.SessionId, _loginFailures);
        return Replies.TooManyLogins;
    }

    /// <summary>The first line of a reply that goes on.</summary>
    public void Write(Reply reply)
    {
        var w = connection.Write();
        reply.Write(ref w);
        w.Commit();
    }

    /// <summary>Sends a reply that the client waits for before it goes on. False when nobody reads it.</summary>
    public ValueTask<bool> SayAsync(Reply reply)
    {
        Write(reply);
        return connection.FlushAsync();
    }

    public void Dispose()
    {
        _live?.Dispose();
        LeaveMaildrop();
    }

    private void LeaveMaildrop()
    {
        _place?.Dispose();
        _place = null;
    }

    private async ValueTask<Reply> ExecuteAsync(ReadOnlySequence<byte> line)
    {
        var (verb, command, fault) = Parse(line);
        if (command is null) return fault;
        try
        {
            return await command.RunAsync(this, connection.Closed);
        }
        catch (OperationCanceledException) when (connection.Closed.IsCancellationRequested)
        {
            return Reply.Gone;
        }
        catch (Exception error)
        {
            Log.CommandFailed(server.Log, error, connection.SessionId, verb!.Name);
            return error is BrokenResponseException ? Reply.Gone : Replies.Unavailable;
        }
    }

    private (Verb? Verb, Command? Command, Reply Fault) Parse(ReadOnlySequence<byte> line)
    {
        var r = new GrammarReader(line);
        if (!Verb.TryRead(ref r, out var verb)) return (null, null, Replies.Unknown);
        if ((verb.Allowed & State) == 0)
        {
            var needs = State == SessionStates.Authorization ? "needs a log-in first" : "is not possible after log-in";
            return (verb, null, Reply.Misuse($"{verb.Name} {needs}"));
        }
        return verb.Parse(ref r, out var command)
            ? (verb, command, default)
            : (verb, null, Replies.Syntax(r.Fault ?? new SyntaxFault("end of line", r.Consumed)));
    }

    // Writes the reply, sends it unless the next command is there already. False when the session is over.
    private async ValueTask<bool> FinishAsync(Reply reply)
    {
        _badInARow = reply.Status == ReplyStatus.Misuse ? _badInARow + 1 : 0;
        if (_badInARow == Pop3Limits.BadCommandsMax && !reply.Closes)
        {
            Log.TooManyBadCommands(server.Log, connection.SessionId, _badInARow);
            reply = Replies.TooManyBadCommands;
        }
        Write(reply);
        if (reply.Closes) return false;
        // RFC 2449 §6.6: replies to pipelined commands leave together.
        return connection.Reader.HasLine ? await connection.FlushWhenFullAsync() : await connection.FlushAsync();
    }
}
