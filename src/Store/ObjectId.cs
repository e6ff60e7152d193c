using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>
/// The object ids of mailboxes, Emails and Threads (RFC 8474 §8.1): a letter, the account's number, the object's. They never change and are never
/// used again; with the account in them they are unique on the server, shared mailboxes included.
/// </summary>
public static class ObjectId
{
    public static string Of(AccountId account, MailboxId mailbox) => Write('F', account, mailbox.Value);

    public static string Of(AccountId account, EmailId email) => Write('M', account, email.Value);

    public static string Of(AccountId account, ThreadId thread) => Write('T', account, thread.Value);

    /// <summary>False for what is no mailbox's id, or another account's.</summary>
    public static bool TryMailbox(string id, AccountId account, out MailboxId mailbox)
    {
        var read = TryRead('F', id, account, out var number);
        mailbox = new MailboxId(number);
        return read;
    }

    /// <summary>False for what is no Email's id, or another account's.</summary>
    public static bool TryEmail(string id, AccountId account, out EmailId email)
    {
        var read = TryRead('M', id, account, out var number);
        email = new EmailId(number);
        return read;
    }

    /// <summary>False for what is no Thread's id, or another account's.</summary>
    public static bool TryThread(string id, AccountId account, out ThreadId thread)
    {
        var read = TryRead('T', id, account, out var number);
        thread = new ThreadId(number);
        return read;
    }

    private static string Write(char kind, AccountId account, long number) =>
        string.Create(CultureInfo.InvariantCulture, $"{kind}{account.Value}-{number}");

    private static bool TryRead(char kind, [NotNullWhen(true)] string id, AccountId account, out long number)
    {
        number = 0;
        var dash = id.IndexOf('-', StringComparison.Ordinal);
        return dash > 0 && long.TryParse(id.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && id == Write(kind, account, number); // an id is written in one way
    }
}
