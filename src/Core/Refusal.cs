namespace Posthorn.Core;

/// <summary>Why the domain said no. Each speaker translates the kind into its own codes, in one place (its Replies.cs).</summary>
public enum RefusalKind
{
    /// <summary>No such mailbox, message, account, domain (SMTP 5.1.1, IMAP NONEXISTENT, HTTP 404).</summary>
    NotFound,

    /// <summary>It exists already (IMAP ALREADYEXISTS, HTTP 409).</summary>
    AlreadyExists,

    /// <summary>Credentials are wrong or missing (SMTP 535, IMAP AUTHENTICATIONFAILED, HTTP 401).</summary>
    NotAuthenticated,

    /// <summary>The identity is known and may not do this (SMTP 5.7.1, IMAP NOPERM, HTTP 403).</summary>
    Forbidden,

    /// <summary>Bytes or number of messages over the account's quota (SMTP 452 4.2.2 or 552 5.2.2, IMAP OVERQUOTA).</summary>
    OverQuota,

    /// <summary>One thing larger than its limit (SMTP 552 5.3.4, IMAP TOOBIG or LIMIT, HTTP 413).</summary>
    TooLarge,

    /// <summary>Too many things: recipients, mailboxes, connections, log-ins (SMTP 452 4.5.3, IMAP LIMIT, HTTP 429).</summary>
    TooMany,

    /// <summary>Too much in this time; the sentence tells when it may go on (SMTP 450, IMAP LIMIT, HTTP 429).</summary>
    RateLimited,

    /// <summary>The value is well formed and means nothing acceptable here (SMTP 553, IMAP CANNOT, HTTP 400).</summary>
    Invalid,

    /// <summary>Somebody else changed it first (JMAP stateMismatch, IMAP MODIFIED, HTTP 412).</summary>
    Conflict,

    /// <summary>It exists and is switched off (account disabled or removed; SMTP 5.2.1).</summary>
    Disabled,

    /// <summary>The message has been here before (SMTP 554 5.4.6).</summary>
    Loop,

    /// <summary>Not now; the same request may succeed later (SMTP 451, IMAP UNAVAILABLE, HTTP 503).</summary>
    TemporarilyUnavailable,
}

/// <summary>The domain's no, as a value: the kind for the speaker, one sentence in English for the person.</summary>
/// <param name="Text">One line, without CR or LF, safe to show to the peer.</param>
public sealed record Refusal(RefusalKind Kind, string Text);

/// <summary>Carries a <see cref="Refusal"/> out of an action, so that its savepoint is rolled back. Caught at the room's own door.</summary>
public sealed class RefusalException(Refusal refusal) : Exception(refusal.Text)
{
    public Refusal Refusal { get; } = refusal;
}

/// <summary>Either a value or the reason why there is none.</summary>
public readonly struct Result<T>
{
    private readonly T _value;

    private Result(T value, Refusal? refusal) => (_value, Refusal) = (value, refusal);

    public Refusal? Refusal { get; }

    public bool Ok => Refusal is null;

    /// <summary>The value, for a caller that has no refusal of its own to give.</summary>
    /// <exception cref="RefusalException">There is none.</exception>
    public T Require() => Refusal is null ? _value : throw new RefusalException(Refusal);

    public bool TryGet(out T value)
    {
        value = _value;
        return Refusal is null;
    }

    /// <summary>For a T that is an interface, which the language converts from by no operator.</summary>
    public static Result<T> Of(T value) => new(value, null);

    public static implicit operator Result<T>(T value) => new(value, null);

    public static implicit operator Result<T>(Refusal refusal) => new(default!, refusal);
}
