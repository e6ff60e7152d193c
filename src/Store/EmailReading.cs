using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Reads details of many Emails in few statements.</summary>
internal static class EmailReading
{
    /// <summary>Numbers that are missing in a range are skipped over as long as the range stays that much denser than single look-ups.</summary>
    private const int GapMax = 4;

    /// <summary>Visits each of the Emails that exists, in the order of their numbers.</summary>
    public static void Visit(Snapshot db, AccountId account, ReadOnlySpan<EmailId> emails, int offset, DetailParts parts, EmailDetailVisitor visitor)
    {
        var keys = new long[emails.Length];
        var order = new int[emails.Length];
        for (var i = 0; i < keys.Length; i++) (keys[i], order[i]) = (EmailTable.Key(account, emails[i]), offset + i);
        if (!IsRising(keys)) Array.Sort(keys, order);
        var sql = EmailDetail.RangeSql(parts);
        for (var start = 0; start < keys.Length;)
        {
            var end = start;
            while (end + 1 < keys.Length && keys[end + 1] - keys[end] <= GapMax) end++;
            VisitRange(db.Prepare(sql).Bind(keys[start]).Bind(keys[end]), keys, order, start, end, parts, visitor);
            start = end + 1;
        }
    }

    private static void VisitRange(
        Statement statement, long[] keys, int[] order, int start, int end, DetailParts parts, EmailDetailVisitor visitor)
    {
        using var rows = statement.Query();
        var next = start;
        while (rows.Next())
        {
            var key = rows.Int64(0);
            while (next <= end && keys[next] < key) next++;
            if (next > end || keys[next] != key) continue;
            var detail = new EmailDetail(rows, parts);
            for (; next <= end && keys[next] == key; next++) visitor(order[next], detail);
        }
    }

    private static bool IsRising(long[] keys)
    {
        for (var i = 1; i < keys.Length; i++)
        {
            if (keys[i - 1] > keys[i]) return false;
        }

        return true;
    }
}
