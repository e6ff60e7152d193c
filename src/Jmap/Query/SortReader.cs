using System.Text.Json;
using Posthorn.Core;

namespace Posthorn.Jmap;

/// <summary>One Comparator (RFC 8620 §5.5).</summary>
/// <param name="Keyword">Of the sorts by keyword; in lower case.</param>
internal sealed record SortTerm(string Property, bool IsAscending, string Collation, string? Keyword);

internal static class SortReader
{
    public static List<SortTerm> Read(Arguments arguments, IReadOnlyList<string> properties)
    {
        var terms = new List<SortTerm>();
        if (!arguments.TryGet("sort", out var sort)) return terms;
        if (sort.ValueKind != JsonValueKind.Array) throw MethodErrorException.Invalid("sort", "an array is needed");
        if (sort.GetArrayLength() > JmapLimits.ComparatorsMax)
        {
            throw new MethodErrorException("unsupportedSort", $"at most {JmapLimits.ComparatorsMax} comparators");
        }
        foreach (var term in sort.EnumerateArray()) terms.Add(Term(term, "sort/" + terms.Count, properties));
        return terms;
    }

    /// <summary>Compares by a collation (RFC 4790).</summary>
    public static int Compare(string left, string right, string collation) => collation == "i;octet"
        ? string.CompareOrdinal(left, right)
        : string.CompareOrdinal(UnicodeCaseMap.Fold(left), UnicodeCaseMap.Fold(right));

    private static SortTerm Term(JsonElement term, string path, IReadOnlyList<string> properties)
    {
        if (term.ValueKind != JsonValueKind.Object) throw MethodErrorException.Invalid(path, "an object is needed");
        string? property = null, keyword = null;
        var collation = "i;unicode-casemap";
        var ascending = true;
        foreach (var part in term.EnumerateObject())
        {
            switch (part.Name)
            {
                case "property" when part.Value.ValueKind == JsonValueKind.String: property = part.Value.GetString(); break;
                case "isAscending" when part.Value.ValueKind is JsonValueKind.True or JsonValueKind.False: ascending = part.Value.GetBoolean(); break;
                case "collation" when part.Value.ValueKind == JsonValueKind.String: collation = part.Value.GetString()!; break;
                case "keyword" when part.Value.ValueKind == JsonValueKind.String: keyword = part.Value.GetString()!.ToLowerInvariant(); break;
                case "property" or "isAscending" or "collation" or "keyword":
                    throw MethodErrorException.Invalid(path + "/" + part.Name, "the type is wrong");
                default: throw MethodErrorException.Invalid(path + "/" + part.Name, "there is no such property");
            }
        }
        if (property is null) throw MethodErrorException.Invalid(path + "/property", "a String is needed");
        if (!properties.Contains(property)) throw new MethodErrorException("unsupportedSort", path + ": there is no sort by this property");
        if (collation is not ("i;unicode-casemap" or "i;ascii-casemap" or "i;octet"))
        {
            throw new MethodErrorException("unsupportedSort", path + "/collation: it is not known here");
        }
        if (property.EndsWith("Keyword", StringComparison.Ordinal) && keyword is null)
        {
            throw MethodErrorException.Invalid(path + "/keyword", "a keyword is needed");
        }
        return new SortTerm(property, ascending, collation, keyword);
    }
}
