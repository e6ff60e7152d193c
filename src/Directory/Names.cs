using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>Which of the three kinds of name an address is here. Accounts and aliases share one space: nothing is both.</summary>
internal static class Names
{
    public static bool DomainExists(Snapshot db, Domain domain) =>
        db.Prepare("SELECT 1 FROM domain WHERE domain = $1").Bind(domain.Ascii).Scalar() is not null;

    public static void DemandDomain(Snapshot db, Domain domain)
    {
        if (!DomainExists(db, domain)) throw new RefusalException(new Refusal(RefusalKind.NotFound, $"{domain} is not a domain of this server"));
    }

    /// <exception cref="RefusalException">The address is taken, by an account (a removed one included) or an alias.</exception>
    public static void DemandFree(Snapshot db, EmailAddress address)
    {
        if (Accounts.Read(db, address) is { } account)
        {
            throw new RefusalException(new Refusal(RefusalKind.AlreadyExists, account.RemovedAt is null
                ? $"{address} is an account already"
                : $"{address} was removed and can be restored until its purge"));
        }
        if (AliasExists(db, address)) throw new RefusalException(new Refusal(RefusalKind.AlreadyExists, $"{address} is an alias already"));
    }

    public static bool AliasExists(Snapshot db, EmailAddress address) =>
        db.Prepare("SELECT 1 FROM alias WHERE domain = $1 AND local = $2").Bind(address.Domain.Ascii).Bind(address.LocalKey).Scalar() is not null;

    /// <summary>The next number of a counter, which is never given out again, whatever is removed later.</summary>
    public static long Next(Transaction tx, string counter)
    {
        tx.Prepare("UPDATE directory_counter SET last = last + 1 WHERE name = $1").Bind(counter).Execute();
        return tx.Prepare("SELECT last FROM directory_counter WHERE name = $1").Bind(counter).Scalar()
            ?? throw new InvalidDataException("the directory has lost a counter");
    }
}
