namespace Posthorn.Admin;

/// <summary>A part of a list.</summary>
/// <param name="Next">What <c>after</c> must be for the rest; null at the end.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);

internal static class Paging
{
    /// <summary>What stands behind the one that the query names, as many as it asks for.</summary>
    /// <param name="all">In an order that does not change; what was named may be gone meanwhile.</param>
    public static IReadOnlyList<T> Cut<T>(IReadOnlyList<T> all, Call call, Func<T, string> key, out string? next)
    {
        var limit = call.QueryLimit();
        var after = call.Query(QueryParameter.After);
        var page = (after is null ? all : all.Where(item => string.CompareOrdinal(key(item), after) > 0))
            .OrderBy(key, StringComparer.Ordinal).Take(limit + 1).ToList();
        next = null;
        if (page.Count <= limit) return page;
        page.RemoveAt(limit);
        next = key(page[^1]);
        return page;
    }
}
