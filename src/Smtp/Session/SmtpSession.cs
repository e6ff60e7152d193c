using System.Buffers;
using System.Net;
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
    private int _mistakes;
    private int _loginFailures;
    private IDisposable? _live;
    private int _recipientsRefused;
    private int _turnsWithoutMail;
    private Func<ValueTask<Reply>>? _instead; // the command that came where a chunk should have

    public SmtpServer Server => server;

    public WireConnection Connection => connection;

    /// <summary>Who the client is: as the connection has it, or as a proxy that is trusted has told.</summary>
    public IPAddress Remote { get; set; } = connection.Remote.Address;

    public Reply Greeting => new(220, null, $"{server.Settings.Hostname} {server.Settings.Banner}");

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

    public LoginContext LoginContext => new("smtp", Remote, connection.IsTls)
    {
        ServerEndPoint = connection.ServerEndPoint,
        CertificateAddress = connection.ClientCertificateAddress,
    };

    public async Task RunAsync()
    {
        try
        {
            if (await TalksEarlyAsync()) Note(Offence.EarlyTalk);
            if (Milters is not null && await Milters.ConnectAsync(MilterClient, connection.Closed) is { } refused)
            {
                await SayAsync(Replies.OfClient(refused));
                return;
            }
            if (!await SayAsync(Greeting)) return;
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
        finally
        {
            _live?.Dispose();
            if (Milters is not null) await Milters.DisposeAsync();
        }
    }

    /// <summary>What rules look at, of the transaction under way.</summary>
    public RuleSubject RuleSubject => new(server.ListenerName, Remote, Helo ?? "", Mail!.From);

    /// <summary>Null when there are none.</summary>
    public MilterSession? Milters { get; } = server.Intake.BeginMilters();

    /// <summary>What the milters are told of the client.</summary>
    public MilterClient MilterClient => new(new IPEndPoint(Remote, connection.Remote.Port), connection.SessionId)
    {
        Helo = Helo ?? "",
        Tls = connection.Tls?.Protocol,
        Login = Identity?.Login,
    };

    /// <summary>Something for the client's account with us.</summary>
    public void Note(Offence offence) => server.Directory.Conduct.Note(Remote, offence);

    /// <summary>EHLO and HELO begin anew (RFC 5321 §4.1.4).</summary>
    public void Greeted(string helo, bool extended) => (Helo, IsExtended, Mail, _origin) = (helo, extended, null, null);

    /// <summary>RFC 3207 §4.2: what the client said before the handshake was never said.</summary>
    public void Forget()
    {
        _live?.Dispose();
        (Helo, IsExtended, Identity, Mail, _origin) = (null, false, null, null, null);
    }

    public void LoggedIn(Identity identity)
    {
        (Identity, _origin, _turnsWithoutMail) = (identity, null, 0);
        _live = server.Authenticator.Live.Enter(identity, () => connection.Stop(LiveLogins.Ended));
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
        if (Identity is null && refusal.Kind == RefusalKind.NotFound) Note(Offence.UnknownRecipient);
        Log.RecipientRefused(server.Log, connection.SessionId, refusal.Text);
        if (reply.Code < 500 || ++_recipientsRefused < SmtpLimits.RecipientsRefusedMax) return reply;
        Log.TooManyRecipientsRefused(server.Log, connection.SessionId, _recipientsRefused);
        return Replies.TooManyRecipientsRefused;
    }

    /// <summary>Hands the message to the intake. Whatever becomes of it, the transaction is over and the next octets are a command.</summary>
    public async ValueTask<Reply> AcceptAsync(MessageStream message, CancellationToken ct)
    {
        var mail = Mail!;
        var reply = await AcceptAsync(mail, message, ct);
        Mail = null;
        // Whatever the intake has left unread is still the message, never a command.
        reply = await message.DrainAsync() switch
        {
            ReadStatus.Ok => reply,
            ReadStatus.Endless => Replies.TooLarge with { Closes = true },
            var status => Replies.Of(status),
        };
        // RFC 2033 §4.2: one reply for each recipient that was accepted, in their order. The intake takes a message for all of them or for none.
        for (var i = 1; server.IsLmtp && i < mail.RecipientCount && !reply.Closes; i++) Write(reply);
        return reply;
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
            Remote = Remote,
            With = With(utf8: false),
            Tls = connection.Tls is { } tls ? tls.Protocol + " " + tls.Cipher : null,
            SessionId = connection.SessionId,
            Submitter = Identity,
            Milters = Milters,
            Listener = server.ListenerName,
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
        var protocol = server.IsLmtp ? utf8 ? "UTF8LMTP" : "LMTP" : utf8 ? "UTF8SMTP" : "ESMTP";
        return protocol + (connection.IsTls ? "S" : "") + (Identity is null ? "" : "A");
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
        if (!Verb.TryRead(ref r, out var verb) || !verb.Where(server)) return (null, null, Replies.Unknown);
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
        SessionStates.Fresh => server.IsLmtp ? Replies.NeedsLhlo : Replies.NeedsHello,
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
        if (reply.Code >= 500 && !reply.IsPardoned && !await TarpitAsync()) return false;
        Write(reply);
        if (reply.Closes) return false;
        // RFC 2920 §3.2: replies to pipelined commands leave together.
        return more ? await connection.FlushWhenFullAsync() : await connection.FlushAsync();
    }

    // Who makes mistakes is answered later each time; who is logged in is known, and is not.
    private async ValueTask<bool> TarpitAsync()
    {
        _mistakes++;
        if (server.Settings.TarpitStep == TimeSpan.Zero || Identity is not null || IsSpared) return true;
        if (_mistakes <= SmtpLimits.MistakesAnsweredAtOnceMax) return true;
        var steps = Math.Min(_mistakes - SmtpLimits.MistakesAnsweredAtOnceMax, SmtpLimits.TarpitStepsMax);
        if (!await connection.FlushAsync()) return false;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(connection.Closed, connection.Stopping);
        await Task.Delay(server.Settings.TarpitStep * steps, connection.Time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !connection.Closed.IsCancellationRequested;
    }

    private async ValueTask<bool> TalksEarlyAsync() =>
        server.Settings.GreetingPause > TimeSpan.Zero && !IsSpared && await connection.Reader.HearsWithinAsync(server.Settings.GreetingPause);

    private bool IsSpared => server.Settings.SparesLoopback && IPAddress.IsLoopback(Remote);

    // Whoever only costs is sent away. RFC 5321 §4.2.1: 421 may answer any command.
    private Reply Bounded(Reply reply, bool more)
    {
        if (reply.Closes) return reply;
        _badInARow = reply.IsMisuse ? _badInARow + 1 : 0;
        if (reply.IsMisuse) Note(Offence.BadCommand);
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
