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

    /// <summary>A message is safe.</summary>
    public Reply Accepted(Receipt receipt)
    {
        _turnsWithoutMail = 0;
        return Replies.Accepted(receipt);
    }

    /// <summary>Where a message of this session comes from.</summary>
    public Origin OriginOf(Transaction mail)
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

    /// <summary>The world failed under a command.</summary>
    public Reply Failed(Exception error, string verb)
    {
        Log.CommandFailed(server.Log, error, connection.SessionId, verb);
        return Replies.Unavailable;
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
            return Failed(error, verb!.Name);
        }
    }

    private (Verb? Verb, Command? Command, Reply Fault) Parse(ReadOnlySequence<byte> line)
    {
        var r = new GrammarReader(line);
        if (!Verb.TryRead(ref r, out var verb)) return (null, null, Replies.Unknown);
        if (verb.NeedsLogin && server.IsSubmission && Identity is null)
        {
            return (verb, null, AcceptsPasswords || !CanStartTls ? Replies.NeedsLogin : Replies.NeedsTls);
        }
        if ((verb.Allowed & State) == 0) return (verb, null, Misplaced(verb));
        return verb.Parse(ref r, out var command)
            ? (verb, command, default)
            : (verb, null, Replies.Syntax(r.Fault ?? new SyntaxFault("end of line", r.Consumed)));
    }

    private Reply Misplaced(Verb verb) => State switch
    {
        SessionStates.Fresh => Replies.NeedsHello,
        SessionStates.Greeted => Replies.NeedsMail,
        SessionStates.Mail when verb.Allowed == SessionStates.Recipients => Replies.NeedsRecipient,
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
        if (more || State == SessionStates.Recipients || ++_turnsWithoutMail <= SmtpLimits.TurnsWithoutMailMax) return reply;
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
