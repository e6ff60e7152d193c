using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>What an account may send in a day, from midnight to midnight UTC.</summary>
/// <param name="FirstTime">Recipients that the account has never written to.</param>
public sealed record SendingLimits(long Messages, long Recipients, long FirstTime)
{
    /// <summary>Enough for whoever writes letters; a stolen password is worth little to who sends spam.</summary>
    public static SendingLimits Default { get; } = new(1000, 2000, 200);
}

/// <summary>What is set for one account; what is not comes from the server's defaults.</summary>
public sealed record OwnSendingLimits(long? Messages, long? Recipients, long? FirstTime)
{
    public const long Max = 1_000_000_000;

    public static OwnSendingLimits None { get; } = new(null, null, null);
}

/// <summary>What an account has sent today, of what it may.</summary>
public sealed record SendingUse(SendingLimits Sent, SendingLimits Limits);

/// <summary>Counts what our own people send, in the action that takes their message, so that no crash forgets it.</summary>
public sealed class SendingAllowance
{
    private readonly Database _db;
    private readonly SendingLimits _defaults;
    private readonly TimeProvider _time;

    internal SendingAllowance(Database db, DirectorySettings settings, TimeProvider time) =>
        (_db, _defaults, _time) = (db, settings.Sending, time);

    /// <summary>Whether another message may begin. Null when it may; the sentence of a refusal tells when it may again.</summary>
    public async ValueTask<Refusal?> CheckAsync(AccountId account, CancellationToken ct = default)
    {
        var use = await UseAsync(account, ct);
        return use.Sent.Messages >= use.Limits.Messages ? Exhausted(use.Limits.Messages, "messages", Today())
            : use.Sent.Recipients >= use.Limits.Recipients ? Exhausted(use.Limits.Recipients, "recipients", Today())
            : null;
    }

    public ValueTask<SendingUse> UseAsync(AccountId account, CancellationToken ct = default)
    {
        var today = Today();
        return _db.ReadAsync(db => new SendingUse(Sent(db, account, today), Limits(db, account)), ct);
    }

    /// <summary>Counts one message.</summary>
    /// <exception cref="RefusalException">It is more than the account may send today.</exception>
    public void Spend(Transaction tx, AccountId account, IReadOnlyList<EmailAddress> recipients)
    {
        var today = Day(tx.Now);
        var (sent, limits) = (Sent(tx, account, today), Limits(tx, account));
        Demand(sent.Messages + 1, limits.Messages, "messages", today);
        Demand(sent.Recipients + recipients.Count, limits.Recipients, "recipients", today);
        var firstTime = 0;
        foreach (var recipient in recipients)
        {
            firstTime += tx.Prepare("INSERT INTO sending_known (account, recipient) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .Bind(account.Value).Bind(Number(recipient)).Execute();
        }
        if (firstTime > 0) Demand(sent.FirstTime + firstTime, limits.FirstTime, "recipients that the account has never written to", today);
        if (sent.Messages > 0)
        {
            tx.Prepare("UPDATE sending_day SET messages = messages + 1, recipients = recipients + $1, first_time = first_time + $2 "
                + "WHERE account = $3 AND day = $4").Bind(recipients.Count).Bind(firstTime).Bind(account.Value).Bind(today).Execute();
            return;
        }
        tx.Prepare("DELETE FROM sending_day WHERE account = $1").Bind(account.Value).Execute();
        tx.Prepare("INSERT INTO sending_day (account, day, messages, recipients, first_time) VALUES ($1, $2, 1, $3, $4)")
            .Bind(account.Value).Bind(today).Bind(recipients.Count).Bind(firstTime).Execute();
    }

    /// <summary>What an account that is purged leaves behind.</summary>
    internal static void Forget(Transaction tx, AccountId account)
    {
        tx.Prepare("DELETE FROM sending_day WHERE account = $1").Bind(account.Value).Execute();
        tx.Prepare("DELETE FROM sending_known WHERE account = $1").Bind(account.Value).Execute();
    }

    private static SendingLimits Sent(Snapshot db, AccountId account, long day)
    {
        using var rows = db.Prepare("SELECT messages, recipients, first_time FROM sending_day WHERE account = $1 AND day = $2")
            .Bind(account.Value).Bind(day).Query();
        return rows.Next() ? new SendingLimits(rows.Int64(0), rows.Int64(1), rows.Int64(2)) : new SendingLimits(0, 0, 0);
    }

    private SendingLimits Limits(Snapshot db, AccountId account)
    {
        using var rows = db.Prepare("SELECT send_messages, send_recipients, send_first_time FROM account WHERE account = $1")
            .Bind(account.Value).Query();
        return !rows.Next() ? _defaults : new SendingLimits(
            rows.NullableInt64(0) ?? _defaults.Messages, rows.NullableInt64(1) ?? _defaults.Recipients, rows.NullableInt64(2) ?? _defaults.FirstTime);
    }

    private static void Demand(long wanted, long limit, string what, long day)
    {
        if (wanted > limit) throw new RefusalException(Exhausted(limit, what, day));
    }

    private static Refusal Exhausted(long limit, string what, long day) => new(
        RefusalKind.RateLimited,
        string.Create(
            CultureInfo.InvariantCulture, $"this account sends at most {limit} {what} a day; it may go on at {Opens(day):yyyy-MM-dd HH:mm} UTC"));

    private long Today() => Day(_time.GetUtcNow());

    private static long Day(DateTimeOffset time) => time.ToUnixTimeSeconds() / 86_400;

    private static DateTimeOffset Opens(long day) => DateTimeOffset.FromUnixTimeSeconds((day + 1) * 86_400);

    // Eight octets tell one account's correspondents apart well enough, and say little to who reads the table.
    private static long Number(EmailAddress recipient) =>
        BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(recipient.Key)));
}
