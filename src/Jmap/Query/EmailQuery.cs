using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Email/query (RFC 8621 §4.4).</summary>
internal static class EmailQuery
{
    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only([.. QueryWindow.ArgumentNames, "collapseThreads"]);
        var account = call.Account();
        var window = QueryWindow.Read(call.Arguments);
        var filter = EmailFilter.Read(call, account);
        var order = EmailComparator.Read(call.Arguments);
        var collapses = call.Arguments.Flag("collapseThreads");
        using var index = await MailboxGet.OpenAsync(call, account);
        var run = new EmailQueryRun(call, account, index, filter, order, collapses);
        var isOpen = window.CalculateTotal || window.Anchor is not null || window.Position < 0;
        var found = await run.FindAsync(isOpen ? int.MaxValue : (int)Math.Min(int.MaxValue, window.Position + window.Count));
        var start = window.Start(found.Count, id =>
            call.Resolve(id) is { } known && ObjectId.TryEmail(known, account, out var email) ? found.FindIndex(c => c.Row.Email == email) : -1);
        var ids = found.Skip(start).Take(window.Count).Select(c => ObjectId.Of(account, c.Row.Email));
        window.Write(call, account, index.State, start, ids, found.Count, canCalculate: true);
        call.Json.WriteBoolean("collapseThreads"u8, collapses);
        call.Json.WriteEndObject();
    }
}
