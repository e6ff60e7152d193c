using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Mailbox/query and Mailbox/queryChanges (RFC 8621 §2.3, §2.4). There are few mailboxes: each call sorts them all.</summary>
internal static class MailboxQuery
{
    private static readonly string[] Sorts = ["sortOrder", "name"];

    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only([.. QueryWindow.ArgumentNames, "sortAsTree", "filterAsTree"]);
        var account = call.Account();
        var window = QueryWindow.Read(call.Arguments);
        var wanted = Wanted.Read(call, account);
        using var index = await MailboxGet.OpenAsync(call, account);
        var found = wanted.Find(index);
        var start = window.Start(found.Count, id => found.FindIndex(m => ObjectId.Of(account, m.Id) == call.Resolve(id)));
        var ids = found.Skip(start).Take(window.Count).Select(m => ObjectId.Of(account, m.Id));
        window.Write(call, account, index.State, start, ids, found.Count, canCalculate: true);
        call.Json.WriteEndObject();
    }

    /// <summary>Every property may have changed, so every changed mailbox is removed and added again where it stands now.</summary>
    public static async ValueTask RunChangesAsync(MethodCall call)
    {
        call.Arguments.Only(
            "accountId", "filter", "sort", "sinceQueryState", "maxChanges", "upToId", "calculateTotal", "sortAsTree", "filterAsTree");
        var account = call.Account();
        var wanted = Wanted.Read(call, account);
        var request = QueryChanges.Read(call.Arguments);
        using var index = await MailboxGet.OpenAsync(call, account);
        // A mailbox above may have taken those below it along: after a change of structure all of them count.
        var changes = await request.ReadAsync(call, account, ObjectKind.Mailbox);
        var all = changes is { OnlyCounts: true } ? [] : index.Mailboxes.Select(static m => m.Mailbox.Id.Value);
        var touched = changes.Updated.Concat(changes.Created).Concat(all).ToHashSet();
        var removed = changes.Destroyed.Concat(touched.Except(changes.Created)).Select(id => ObjectId.Of(account, new MailboxId(id))).ToList();
        var found = wanted.Find(index);
        var added = found.Index().Where(m => touched.Contains(m.Item.Id.Value)).Select(m => (ObjectId.Of(account, m.Item.Id), m.Index)).ToList();
        request.Write(call, account, index.State, removed, added, found.Count);
    }

    /// <summary>The query itself.</summary>
    private sealed record Wanted(FilterNode<Func<Mailbox, bool>>? Filter, List<SortTerm> Sort, bool SortAsTree, bool FilterAsTree)
    {
        public static Wanted Read(MethodCall call, AccountId account) => new(
            FilterReader.Read(call.Arguments, (condition, path) => Condition(call, account, condition, path)),
            SortReader.Read(call.Arguments, Sorts),
            call.Arguments.Flag("sortAsTree"),
            call.Arguments.Flag("filterAsTree"));

        public List<Mailbox> Find(AccountIndex index)
        {
            var all = index.Mailboxes.ToDictionary(static m => m.Mailbox.Id, static m => m.Mailbox);
            var found = all.Values.Where(m => Filter?.Evaluate(test => test(m) ? Verdict.Yes : Verdict.No) is not Verdict.No).ToList();
            if (FilterAsTree)
            {
                var kept = found.Select(static m => m.Id).ToHashSet();
                found.RemoveAll(m => Ancestors(all, m).Any(above => !kept.Contains(above.Id)));
            }
            found.Sort((a, b) => SortAsTree ? CompareInTree(all, a, b) : Compare(a, b));
            return found;
        }

        private static Func<Mailbox, bool> Condition(MethodCall call, AccountId account, JsonElement condition, string path)
        {
            var tests = new List<Func<Mailbox, bool>>();
            foreach (var part in condition.EnumerateObject()) tests.Add(Test(call, account, part, path + "/" + part.Name));
            return mailbox => tests.TrueForAll(test => test(mailbox));
        }

        private static Func<Mailbox, bool> Test(MethodCall call, AccountId account, JsonProperty part, string path)
        {
            var (kind, value) = (part.Value.ValueKind, part.Value);
            switch (part.Name)
            {
                case "parentId" when kind is JsonValueKind.Null: return static m => m.Parent is null;
                case "parentId" when kind is JsonValueKind.String:
                    var parent = call.Resolve(value.GetString()!);
                    return m => m.Parent is { } above && ObjectId.Of(account, above) == parent;
                case "name" when kind is JsonValueKind.String:
                    var needle = UnicodeCaseMap.Fold(value.GetString()!);
                    return m => UnicodeCaseMap.Contains(m.Name, needle);
                case "role" when kind is JsonValueKind.Null: return static m => m.Role is null;
                case "role" when kind is JsonValueKind.String:
                    var role = value.GetString();
                    return m => MailboxWriter.RoleName(m.Role) == role;
                case "hasAnyRole" when kind is JsonValueKind.True or JsonValueKind.False:
                    var hasRole = value.GetBoolean();
                    return m => (m.Role is not null) == hasRole;
                case "isSubscribed" when kind is JsonValueKind.True or JsonValueKind.False:
                    var subscribed = value.GetBoolean();
                    return m => m.Subscribed == subscribed;
                case "parentId" or "name" or "role" or "hasAnyRole" or "isSubscribed": throw MethodErrorException.Invalid(path, "the type is wrong");
                default: throw new MethodErrorException("unsupportedFilter", path + ": there is no such condition");
            }
        }

        private static IEnumerable<Mailbox> Ancestors(Dictionary<MailboxId, Mailbox> all, Mailbox mailbox)
        {
            for (var at = mailbox; at.Parent is { } parent && all.TryGetValue(parent, out var above); at = above) yield return above;
        }

        private int CompareInTree(Dictionary<MailboxId, Mailbox> all, Mailbox a, Mailbox b)
        {
            Mailbox[] left = [.. Ancestors(all, a).Reverse(), a], right = [.. Ancestors(all, b).Reverse(), b];
            for (var i = 0; i < Math.Min(left.Length, right.Length); i++)
            {
                if (left[i].Id != right[i].Id) return Compare(left[i], right[i]);
            }
            return left.Length - right.Length;
        }

        private int Compare(Mailbox a, Mailbox b)
        {
            foreach (var term in Sort)
            {
                var order = term.Property == "sortOrder"
                    ? a.SortOrder.CompareTo(b.SortOrder) : SortReader.Compare(a.Name, b.Name, term.Collation);
                if (order != 0) return term.IsAscending ? order : -order;
            }
            return a.Id.Value.CompareTo(b.Id.Value);
        }
    }
}
