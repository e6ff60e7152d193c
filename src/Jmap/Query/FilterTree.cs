using System.Text.Json;

namespace Posthorn.Jmap;

/// <summary>What is known of a condition: some need more than has been read yet.</summary>
internal enum Verdict
{
    No,
    Yes,
    Unknown,
}

internal enum FilterOperator
{
    And,
    Or,
    Not,
}

/// <summary>A filter as it is written (RFC 8620 §5.5): operators over conditions; bounded.</summary>
/// <typeparam name="T">A condition of the type.</typeparam>
internal abstract record FilterNode<T>
{
    public sealed record Condition(T Test) : FilterNode<T>;

    public sealed record Operation(FilterOperator Operator, IReadOnlyList<FilterNode<T>> Parts) : FilterNode<T>;

    /// <summary>Every condition in it.</summary>
    public IEnumerable<T> Conditions => this switch
    {
        Condition one => [one.Test],
        Operation operation => operation.Parts.SelectMany(static p => p.Conditions),
        _ => [],
    };

    /// <param name="test">Asked for each condition until the outcome is certain.</param>
    public Verdict Evaluate(Func<T, Verdict> test)
    {
        if (this is Condition one) return test(one.Test);
        var operation = (Operation)this;
        // NOT: none of them may match. AND and OR end with the first that decides.
        var decisive = operation.Operator == FilterOperator.And ? Verdict.No : Verdict.Yes;
        var verdict = operation.Operator == FilterOperator.And ? Verdict.Yes : Verdict.No;
        foreach (var part in operation.Parts)
        {
            var found = part.Evaluate(test);
            if (found == decisive)
            {
                verdict = found;
                break;
            }
            if (found == Verdict.Unknown) verdict = Verdict.Unknown;
        }
        if (operation.Operator != FilterOperator.Not || verdict == Verdict.Unknown) return verdict;
        return verdict == Verdict.Yes ? Verdict.No : Verdict.Yes;
    }
}

/// <summary>Reads filters.</summary>
internal static class FilterReader
{
    /// <summary>Null when there is no filter: everything matches.</summary>
    /// <param name="conditionOf">Reads the properties of a condition; its path is for errors.</param>
    public static FilterNode<T>? Read<T>(Arguments arguments, Func<JsonElement, string, T> conditionOf)
    {
        if (arguments.Map("filter") is not { } filter) return null;
        var nodes = 0;
        return Node(filter, "filter", conditionOf, ref nodes);
    }

    private static FilterNode<T> Node<T>(JsonElement value, string path, Func<JsonElement, string, T> conditionOf, ref int nodes)
    {
        if (++nodes > JmapLimits.FilterNodesMax)
        {
            throw new MethodErrorException("unsupportedFilter", $"a filter has at most {JmapLimits.FilterNodesMax} operators and conditions");
        }
        if (value.ValueKind != JsonValueKind.Object) throw MethodErrorException.Invalid(path, "an object is needed");
        if (!value.TryGetProperty("operator"u8, out var named)) return new FilterNode<T>.Condition(conditionOf(value, path));
        if (named.ValueKind != JsonValueKind.String) throw MethodErrorException.Invalid(path + "/operator", "a String is needed");
        var what = named.GetString() switch
        {
            "AND" => FilterOperator.And,
            "OR" => FilterOperator.Or,
            "NOT" => FilterOperator.Not,
            _ => throw MethodErrorException.Invalid(path + "/operator", "AND, OR or NOT is needed"),
        };
        if (!value.TryGetProperty("conditions"u8, out var conditions) || conditions.ValueKind != JsonValueKind.Array)
        {
            throw MethodErrorException.Invalid(path + "/conditions", "an array is needed");
        }
        foreach (var property in value.EnumerateObject())
        {
            if (property.Name is not ("operator" or "conditions")) throw MethodErrorException.Invalid(path + "/" + property.Name,
                "there is no such property");
        }
        var parts = new List<FilterNode<T>>();
        foreach (var part in conditions.EnumerateArray()) parts.Add(Node(part, path + "/conditions/" + parts.Count, conditionOf, ref nodes));
        return new FilterNode<T>.Operation(what, parts);
    }
}
