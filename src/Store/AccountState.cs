using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Where an account stands. The epoch changes when a restore has taken changes back: numbers of another epoch mean nothing.</summary>
public readonly record struct AccountState(long Epoch, ModSeq ModSeq)
{
    /// <summary>Null when the account has no mailboxes.</summary>
    internal static AccountState? Read(Snapshot db, AccountId account)
    {
        using var rows = db.Prepare("SELECT epoch, modseq FROM account_state WHERE account = $1 AND removed = 0").Bind(account.Value).Query();
        return rows.Next() ? new AccountState(rows.Int64(0), new ModSeq(rows.Int64(1))) : null;
    }
}

/// <summary>How far somebody has heard of an account's changes: everything up to a change number, and some objects of the next action.</summary>
/// <param name="Skip">How many objects of the action after <paramref name="ModSeq"/> were told already; 0 between actions.</param>
public readonly record struct ChangePosition(long Epoch, ModSeq ModSeq, int Skip = 0);
