using System.Buffers;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Directory;
using Posthorn.Wire;

namespace Posthorn.Smtp;

/// <summary>One client, from the greeting to the end.</summary>
internal sealed class SmtpSession(SmtpServer server, WireConnection connection)
{
    private Origin? _origin; // as it is told of every message; null when something of it has changed
    private int _badInARow;
    private int _loginFailures;
    private int _recipientsRefused;
    private int _turnsWithoutMail;
    private Func<ValueTask<Reply>>? _instead; // the command that came where a chunk should have

    public SmtpServer Server => server;

    public WireConnection Connection => connection;

    /// <summary>The argument of EHLO or HELO; null before it.</summary>
    public string? Helo { get; private set; }

    /// <summary>The client said EHLO, not HELO.</summary>
    public bool IsExtended { get; private set; }

    public Identity? Identity { get; private set; }

    /// <summary>Null between transactions.</summary>
    public Transaction? Mail { get; set; }

    public SessionStates State =>
        Helo is null ? SessionStates.Fresh
        : Mail is null ? SessionStates.Greeted
        : Mail.IsChunked ? SessionStates.Chunks
        : Mail.RecipientCount == 0 ? SessionStates.Mail
        : SessionStates.Recipients;

    public bool CanStartTls => server.Tls is not null && !connection.IsTls;

    public bool AcceptsPasswords => server.Authenticator.AcceptsPasswords(LoginContext);

    public LoginContext LoginContext => new("smtp", connection.Remote.Address, connection.IsTls);

    public async Task RunAsync()
    {
        try
        {
            if (!await SayAsync(new Reply(220, null, $"{server.Settings.Hostname} {server.Settings.Banner}"))) return;
            while (true)
            {
                var line = await connection.Reader.ReadLineAsync();
                var reply = line.Ok ? await ExecuteAsync(line.Line) : Replies.Of(line.Status);
                if (!await FinishAsync(reply)) return;
            }
        }
        catch (OperationCanceledException) when (connection.Closed.IsCancellationRequested)
        {
            // The peer left while something was written to it.
        }
    }

    /// <summary>EHLO and HELO begin anew (RFC 5321 §4.1.4).</summary>
    public void Greeted(string helo, bool extended) => (Helo, IsExtended, Mail, _origin) = (helo, extended, null, null);

    /// <summary>RFC 3207 §4.2: what the client said before the handshake was never said.</summary>
    public void Forget() => (Helo, IsExtended, Identity, Mail, _origin) = (null, false, null, null, null);

    public void LoggedIn(Identity identity)
    {
        (Identity, _origin, _turnsWithoutMail) = (identity, null, 0);
        Log.LoggedIn(server.Log, connection.SessionId, identity.Login);
    }

    /// <summary>Counts a failed log-in; too many of them end the connection.</summary>
    public Reply LoginFailed(Refusal refusal)
    {
        if (++_loginFailures < SmtpLimits.LoginFailuresMax) return Replies.OfLogin(refusal);
        Log.TooManyLogins(server.Log, connection.SessionId, _loginFailures);
        return Replies.TooManyLogins;
    }

    /// <summary>Counts a recipient that was refused; too many for good end the connection.</summary>
    public Reply RecipientRefused(Refusal refusal)
    {
        var reply = Replies.OfRecipient(refusal);
        Log.RecipientRefused(server.Log, connection.SessionId, refusal.Text);
        if (reply.Code < 500 || ++_recipientsRefused < SmtpLimits.RecipientsRefusedMax) return reply;
        Log.TooManyRecipientsRefused(server.Log, connection.SessionId, _recipientsRefused);
        return Replies.TooManyRecipientsRefused;
    }

    /// <summary>Hands the message to the intake. Whatever becomes of it, the transaction is over and the next octets are a command.</summary>
    public async ValueTask<Reply> AcceptAsync(MessageStream message, CancellationToken ct)
    {
        var reply = await AcceptAsync(Mail!, message, ct);
        Mail = null;
        // Whatever the intake has left unread is still the message, never a command.
        return await message.DrainAsync() switch
        {
            ReadStatus.Ok => reply,
            ReadStatus.Endless => Replies.TooLarge with { Closes = true },
            var status => Replies.Of(status),
        };
    }

    /// <summary>Between two chunks of a message (RFC 3030 §2): answers for the last one and goes on to the next.</summary>
    /// <returns>Null when something else came that ends the message; <see cref="RunInsteadAsync"/> is its turn then.</returns>
    public async ValueTask<BdatCommand?> NextChunkAsync(Reply reply)
    {
        while (await FinishAsync(reply))
        {
            var line = await connection.Reader.ReadLineAsync();
            if (!line.Ok)
            {
                reply = Replies.Of(line.Status);
                if (!reply.Closes) continue;
                _instead = () => new(reply);
                return null;
            }
            var (verb, command, fault) = Parse(line.Line);
            if (command is BdatCommand chunk) return chunk;
            if (command is null && !fault.Closes)
            {
                reply = fault;
            }
            else if (command is NoopCommand or HelpCommand or VrfyCommand)
            {
                reply = await RunAsync(verb!, command);
            }
            else
            {
                _instead = () => command is null ? new(fault) : RunAsync(verb!, command);
                return null;
            }
        }
        _instead = static () => new(Reply.Gone);
        return null;
    }

    /// <summary>Runs the command that ended a message.</summary>
    public ValueTask<Reply> RunInsteadAsync()
    {
        var run = _instead ?? throw new InvalidOperationException("no command waits");
        _instead = null;
        return run();
    }

    /// <summary>Where a message of this session comes from.</summary>
    private Origin OriginOf(Transaction mail)
    {
        _origin ??= new Origin
        {
            Helo = Helo ?? "",
            Remote = connection.Remote.Address,
            With = With(utf8: false),
            Tls = connection.Tls is { } tls ? tls.Protocol + " " + tls.Cipher : null,
            SessionId = connection.SessionId,
            Submitter = Identity,
        };
        return mail.Utf8 ? _origin with { With = With(utf8: true) } : _origin;
    }

    /// <summary>Sends a reply that the client waits for before it goes on. False when nobody reads it.</summary>
    public ValueTask<bool> SayAsync(Reply reply)
    {
        Write(reply);
        return connection.FlushAsync();
    }

    // The world failed under a command.
    private Reply Failed(Exception error, string verb)
    {
        Log.CommandFailed(server.Log, error, connection.SessionId, verb);
        return Replies.Unavailable;
    }

    private async ValueTask<Reply> AcceptAsync(Transaction mail, MessageStream message, CancellationToken ct)
    {
        try
        {
            var accepted = await server.Intake.AcceptAsync(mail.ToEnvelope(), OriginOf(mail), message, ct);
            if (!accepted.TryGet(out var receipt)) return Replies.OfMessage(accepted.Refusal!);
            _turnsWithoutMail = 0;
            return Replies.Accepted(receipt);
        }
        catch (IOException) when (message.Status != ReadStatus.Ok)
        {
            return Replies.Of(message.Status); // nothing was taken
        }
        catch (EndOfStreamException) when (_instead is not null)
        {
            return Reply.Said; // what was said instead is answered
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return Failed(error, mail.IsChunked ? "BDAT" : "DATA");
        }
    }

    // RFC 3848, RFC 6531 §4.3.
    private string With(bool utf8)
    {
        if (!IsExtended && !utf8) return "SMTP";
        return (utf8 ? "UTF8SMTP" : "ESMTP") + (connection.IsTls ? "S" : "") + (Identity is null ? "" : "A");
    }

    private async ValueTask<Reply> ExecuteAsync(ReadOnlySequence<byte> line)
    {
        var (verb, command, fault) = Parse(line);
        return command is null ? fault : await RunAsync(verb!, command);
    }

    private async ValueTask<Reply> RunAsync(Verb verb, Command command)
    {
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
            return Failed(error, verb.Name);
        }
    }

    private (Verb? Verb, Command? Command, Reply Fault) Parse(ReadOnlySequence<byte> line)
    {
        var r = new GrammarReader(line);
        if (!Verb.TryRead(ref r, out var verb)) return (null, null, Replies.Unknown);
        var refused = RefusalOf(verb);
        if (refused is not null && !verb.BringsOctets) return (verb, null, refused.Value);
        if (!verb.Parse(ref r, out var command))
        {
            // Where a chunk of unknown length ends, nobody knows.
            return (verb, null, Replies.Syntax(r.Fault ?? new SyntaxFault("end of line", r.Consumed)) with { Closes = verb.BringsOctets });
        }
        return (verb, refused is { } why && command is BdatCommand chunk ? new RefusedChunk(chunk.SizeOctets, why) : command, default);
    }

    private Reply? RefusalOf(Verb verb)
    {
        if (verb.NeedsLogin && server.IsSubmission && Identity is null)
        {
            return AcceptsPasswords || !CanStartTls ? Replies.NeedsLogin : Replies.NeedsTls;
        }
        return (verb.Allowed & State) == 0 ? Misplaced(verb) : null;
    }

    private Reply Misplaced(Verb verb) => State switch
    {
        SessionStates.Fresh => Replies.NeedsHello,
        SessionStates.Greeted => Replies.NeedsMail,
        SessionStates.Mail when (verb.Allowed & SessionStates.Recipients) != 0 => Replies.NeedsRecipient,
        _ => Replies.MailUnderWay,
    };

    // Writes the reply, sends it unless the next command is there already. False when the session is over.
    private async ValueTask<bool> FinishAsync(Reply reply)
    {
        if (reply.Code == 0) return !reply.Closes;
        var more = connection.Reader.HasLine;
        reply = Bounded(reply, more);
        Write(reply);
        if (reply.Closes) return false;
        // RFC 2920 §3.2: replies to pipelined commands leave together.
        return more ? await connection.FlushWhenFullAsync() : await connection.FlushAsync();
    }

    // Whoever only costs is sent away. RFC 5321 §4.2.1: 421 may answer any command.
    private Reply Bounded(Reply reply, bool more)
    {
        if (reply.Closes) return reply;
        _badInARow = reply.IsMisuse ? _badInARow + 1 : 0;
        if (_badInARow == SmtpLimits.BadCommandsMax)
        {
            Log.TooManyBadCommands(server.Log, connection.SessionId, _badInARow);
            return Replies.TooManyBadCommands;
        }
        if (more || State is SessionStates.Recipients or SessionStates.Chunks || ++_turnsWithoutMail <= SmtpLimits.TurnsWithoutMailMax) return reply;
        Log.TooManyTurns(server.Log, connection.SessionId, _turnsWithoutMail);
        return Replies.TooManyTurns;
    }

    private void Write(Reply reply)
    {
        var w = connection.Write();
        reply.Write(ref w, Mail is { Utf8: true });
        w.Commit();
    }
}
