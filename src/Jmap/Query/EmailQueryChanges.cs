using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>
/// Email/queryChanges (RFC 8621 §4.5). Whatever has changed is removed and, where it is a result now, added at its place. Where an Email's part in
/// the results hangs on its Thread, all Emails of a Thread that has changed count as changed.
/// </summary>
internal static class EmailQueryChanges
{
    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only("accountId", "filter", "sort", "sinceQueryState", "maxChanges", "upToId", "calculateTotal", "collapseThreads");
        var account = call.Account();
        var request = QueryChanges.Read(call.Arguments);
        var filter = EmailFilter.Read(call, account);
        var order = EmailComparator.Read(call.Arguments);
        var collapses = call.Arguments.Flag("collapseThreads");
        using var index = await MailboxGet.OpenAsync(call, account);
        var changes = await request.ReadAsync(call, account, ObjectKind.Email);
        var touched = changes.Created.Concat(changes.Updated).ToHashSet();
        if (collapses || filter.LooksAtThreads || order.LooksAtThreads)
        {
            Spread(index, touched, await request.ReadAsync(call, account, ObjectKind.Thread));
        }
        var created = changes.Created.ToHashSet();
        var removed = touched.Where(id => !created.Contains(id)).Concat(changes.Destroyed).Order()
            .Select(id => ObjectId.Of(account, new EmailId(id))).ToList();
        var added = new List<(string Id, int Index)>();
        var total = 0;
        if (touched.Count > 0 || request.CalculateTotal)
        {
            var found = await new EmailQueryRun(call, account, index, filter, order, collapses).FindAsync(int.MaxValue);
            total = found.Count;
            for (var i = 0; i < found.Count; i++)
            {
                if (touched.Contains(found[i].Row.Email.Value)) added.Add((ObjectId.Of(account, found[i].Row.Email), i));
            }
        }
        request.Write(call, account, index.State, removed, added, total);
    }

    /// <summary>Adds the Emails of every Thread that a touched one is of, or that has changed.</summary>
    private static void Spread(AccountIndex index, HashSet<long> touched, ObjectChanges changes)
    {
        var threads = changes.Created.Concat(changes.Updated).Concat(changes.Destroyed).ToHashSet();
        ForEach(index, row =>
        {
            if (touched.Contains(row.Email.Value)) threads.Add(row.Thread.Value);
        });
        ForEach(index, row =>
        {
            if (threads.Contains(row.Thread.Value)) touched.Add(row.Email.Value);
        });
    }

    private static void ForEach(AccountIndex index, Action<EmailRow> look)
    {
        foreach (var mailbox in index.Mailboxes)
        {
            for (var i = 0; i < mailbox.Snapshot.ChunkCount; i++)
            {
                foreach (ref readonly var row in mailbox.Snapshot.Chunk(i)) look(row);
            }
        }
    }
}
