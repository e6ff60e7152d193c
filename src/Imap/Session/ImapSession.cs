using System.Buffers;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Wire;

namespace Posthorn.Imap;

/// <summary>One client, from the greeting to the end.</summary>
internal sealed class ImapSession(ImapServer server, WireConnection connection) : IDisposable
{
    private IncomingMessages? _incoming;
    private Progress? _progress;
    private int _badInARow;
    private int _loginFailures;
    private IDisposable? _live;

    public ImapServer Server => server;

    public WireConnection Connection => connection;

    public Identity? Identity { get; private set; }

    public SelectedMailbox? Selected { get; private set; }

    /// <summary>What the client asked to be told of; null until it does (RFC 5465).</summary>
    public Watch? Watch { get; private set; }

    /// <summary>Whose mail it is; only for commands that the table admits after log-in.</summary>
    public AccountId Account => Identity!.Account;

    /// <summary>Only for commands that the table admits with a mailbox selected.</summary>
    public SelectedMailbox Mailbox => Selected!;

    /// <summary>The tag of the command under way.</summary>
    public string Tag { get; private set; } = "*";

    /// <summary>The messages that an APPEND brings while it is still being read.</summary>
    public IncomingMessages Incoming => _incoming ??= new IncomingMessages();

    /// <summary>Tells a client that waits long that its command goes on.</summary>
    public Progress Progress => _progress ??= new Progress(this);

    public SessionStates State =>
        Identity is null ? SessionStates.NotAuthenticated : Selected is null ? SessionStates.Authenticated : SessionStates.Selected;

    /// <summary>The name that the client has given itself by ID; empty without one.</summary>
    public string Client { get; set; } = "";

    /// <summary>What the client has switched on.</summary>
    public Extensions Enabled { get; private set; }

    public bool CanStartTls => server.Tls is not null && !connection.IsTls;

    public bool AcceptsPasswords => server.Authenticator.AcceptsPasswords(LoginContext);

    public LoginContext LoginContext => new("imap", connection.Remote.Address, connection.IsTls)
    {
        ServerEndPoint = connection.ServerEndPoint,
        CertificateAddress = connection.ClientCertificateAddress,
    };

    public async Task RunAsync()
    {
        var w = connection.Write();
        w.Raw("* OK [CAPABILITY "u8);
        w.Text(Capabilities.Of(this));
        w.Raw("] Posthorn ready\r\n"u8);
        w.Commit();
        if (!await connection.FlushAsync()) return;
        var source = new CommandSource(this);
        try
        {
            while (await StepAsync(source))
            {
            }
        }
        catch (OperationCanceledException) when (connection.Closed.IsCancellationRequested)
        {
            // The peer left while something was written to it.
        }
    }

    public void LoggedIn(Identity identity)
    {
        Identity = identity;
        _live = server.Authenticator.Live.Enter(identity, () => connection.Stop(LiveLogins.Ended));
        if (Client.Length > 0) server.Authenticator.NoteClient(identity, LoginContext, Client);
        connection.Limits = connection.Limits with { IdleTimeout = ImapLimits.IdleTimeout };
        Log.LoggedIn(server.Log, connection.SessionId, identity.Login);
    }

    /// <summary>RFC 8437 §3: whatever the connection knew of somebody is forgotten; failed log-ins still count.</summary>
    public void LoggedOut()
    {
        Log.LoggedOut(server.Log, connection.SessionId, Identity!.Login);
        Select(null);
        Follow(null);
        _live?.Dispose();
        (Identity, Enabled) = (null, Extensions.None);
        connection.Limits = connection.Limits with { IdleTimeout = ImapLimits.LoginTimeout };
    }

    public bool Has(Extensions extension) => (Enabled & extension) != 0;

    /// <summary>Switches on, until the connection ends, what a command asks for by name or by using it.</summary>
    public void Enable(Extensions extensions)
    {
        if ((extensions & Extensions.QResync) != 0) extensions |= Extensions.CondStore;
        var isFirst = !Has(Extensions.CondStore) && (extensions & Extensions.CondStore) != 0;
        Enabled |= extensions;
        if (!isFirst || Selected is null) return;
        // RFC 7162 §3.1: the first such command tells where the client stands.
        var w = connection.Write();
        Announcer.HighestModSeq(ref w, Selected);
        w.Commit();
    }

    /// <summary>Counts a failed log-in; too many of them end the connection.</summary>
    public Reply LoginFailed(Refusal refusal)
    {
        var reply = Replies.From(refusal);
        if (++_loginFailures < ImapLimits.LoginFailuresMax) return reply;
        Log.TooManyLogins(server.Log, connection.SessionId, _loginFailures);
        return reply with { Closes = true };
    }

    public void Select(SelectedMailbox? mailbox)
    {
        Selected?.Dispose();
        Selected = mailbox;
    }

    public void Follow(Watch? watch)
    {
        Watch?.Dispose();
        Watch = watch;
    }

    /// <summary>BYE, with the reason why the client is not heard any longer.</summary>
    public void SayGoodbye(ReadStatus status)
    {
        var text = status switch
        {
            ReadStatus.Idle => "[UNAVAILABLE] nothing was heard for too long",
            ReadStatus.TooSlow => "the command came too slowly",
            ReadStatus.Endless => "the line has no end",
            ReadStatus.Stopping when connection.StopReason is { } reason => "[UNAVAILABLE] " + reason,
            ReadStatus.Stopping => "[UNAVAILABLE] the server stops",
            _ => null,
        };
        if (text is null) return;
        var w = connection.Write();
        Bye(ref w, text);
        w.Commit();
    }

    public void Dispose()
    {
        Select(null);
        Follow(null);
        _live?.Dispose();
    }

    private static void Bye(ref WireWriter w, string text)
    {
        w.Raw("* BYE "u8);
        w.Text(text);
        w.CrLf();
    }

    // One command. False when the session is over.
    private async ValueTask<bool> StepAsync(CommandSource source)
    {
        var read = await source.ReadAsync();
        if (!read.Ok) return await GoOnAfterAsync(read);
        var (tag, reply, verb) = await ExecuteAsync(read.Text);
        return await FinishAsync(tag, reply, verb);
    }

    // No verb comes back from what was no command, or none that is allowed here.
    private async ValueTask<(string Tag, Reply Reply, Verb? Verb)> ExecuteAsync(ReadOnlySequence<byte> text)
    {
        var parsed = Parse(text);
        if (parsed.Command is null) return (parsed.Tag, parsed.Fault, null);
        try
        {
            Tag = parsed.Tag;
            _progress = null;
            return (parsed.Tag, await parsed.Command.RunAsync(this, connection.Closed), parsed.Verb);
        }
        catch (RefusalException refused)
        {
            return (parsed.Tag, Replies.From(refused.Refusal), parsed.Verb);
        }
        catch (OperationCanceledException) when (connection.Closed.IsCancellationRequested)
        {
            return (parsed.Tag, Replies.Gone, parsed.Verb);
        }
        catch (Exception error)
        {
            Log.CommandFailed(server.Log, error, connection.SessionId, parsed.Verb!.Name);
            return (parsed.Tag, error is BrokenResponseException ? Replies.Gone : Replies.Unavailable, parsed.Verb);
        }
        finally
        {
            _incoming?.Clear();
        }
    }

    private (string Tag, Verb? Verb, Command? Command, Reply Fault) Parse(ReadOnlySequence<byte> text)
    {
        var r = new GrammarReader(text) { Utf8 = Has(Extensions.Utf8Names) };
        if (!r.ExpectTag(out var tag)) return ("*", null, null, Replies.Syntax(r.Fault!.Value));
        if (!r.ExpectSpace()) return (tag, null, null, Replies.Syntax(r.Fault!.Value));
        if (!Verb.TryRead(ref r, out var verb))
            return (tag, null, null, Replies.Syntax(new SyntaxFault("a command of RFC 9051 or of an extension", r.Consumed)));
        if ((verb.Allowed & State) == 0) return (tag, verb, null, WrongState(verb));
        return verb.Parse(ref r, out var command)
            ? (tag, verb, command, default)
            : (tag, verb, null, Replies.Syntax(r.Fault ?? new SyntaxFault("end of line", r.Consumed)));
    }

    private Reply WrongState(Verb verb) => Reply.Bad(State switch
    {
        SessionStates.NotAuthenticated => $"{verb.Name} needs a log-in first",
        SessionStates.Authenticated when verb.Allowed == SessionStates.Selected => $"{verb.Name} needs a selected mailbox",
        _ => $"{verb.Name} is not possible after log-in",
    });

    // What else has happened, then the tagged reply. False when the session is over.
    private async ValueTask<bool> FinishAsync(string tag, Reply reply, Verb? verb)
    {
        if (reply.Status == ReplyStatus.Gone) return false;
        if (verb is not null && reply.Status != ReplyStatus.Bad && verb.Updates != Updates.None
            && !await TellAsync(verb, verb.Updates == Updates.KeepNumbers || reply.KeepsNumbers)) return false;
        if (reply.TellsModSeq && Selected is not null) reply = reply with { Code = $"HIGHESTMODSEQ {Selected.Known.HighestModSeq.Value}" };
        _badInARow = verb is null && reply.Status == ReplyStatus.Bad ? _badInARow + 1 : 0;
        var w = connection.Write();
        if (reply.Closes && reply.Status == ReplyStatus.No) Bye(ref w, reply.Text);
        reply.Write(ref w, tag);
        var tooBad = _badInARow == ImapLimits.BadCommandsMax;
        if (tooBad) Bye(ref w, "too many malformed commands");
        w.Commit();
        if (tooBad) Log.TooManyBadCommands(server.Log, connection.SessionId, _badInARow);
        if (reply.Closes || tooBad) return false;
        // Replies to pipelined commands leave together.
        return connection.Reader.HasLine ? await connection.FlushWhenFullAsync() : await connection.FlushAsync();
    }

    private ValueTask<bool> TellAsync(Verb verb, bool keepNumbers) =>
        Watch is { } watch ? watch.TellAsync(verb, keepNumbers, connection.Closed)
        : Selected is null ? new(true)
        : Announcer.TellAsync(this, Selected, keepNumbers, connection.Closed);

    // No command came out of the input: answer what can be answered. False when the session is over.
    private async ValueTask<bool> GoOnAfterAsync(CommandRead read)
    {
        if (read.Status == ReadStatus.Ok) return await FinishAsync(read.Tag, read.Refusal, null);
        SayGoodbye(read.Status);
        return false;
    }
}
