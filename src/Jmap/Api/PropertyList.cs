using System.Globalization;
using System.Text.Json;

namespace Posthorn.Jmap;

/// <summary>The properties argument of a /get (RFC 8620 §5.1).</summary>
internal static class PropertyList
{
    /// <summary>The properties to answer, the id always among them; each once.</summary>
    /// <param name="all">Those that the type has.</param>
    /// <param name="otherwise">Those that are meant when the client names none.</param>
    public static IReadOnlyList<string> Read(Arguments arguments, ReadOnlySpan<string> all, IReadOnlyList<string> otherwise)
    {
        if (arguments.Texts("properties") is not { } named) return otherwise;
        for (var i = 0; i < named.Count; i++)
        {
            if (!all.Contains(named[i]))
            {
                throw MethodErrorException.Invalid(string.Create(CultureInfo.InvariantCulture, $"properties/{i}"), "there is no such property");
            }
        }
        return [.. named.Prepend("id").Distinct(StringComparer.Ordinal)];
    }

    public static void WriteNotFound(Utf8JsonWriter json, IEnumerable<string> missing)
    {
        json.WriteStartArray("notFound"u8);
        foreach (var id in missing) json.WriteStringValue(id);
        json.WriteEndArray();
    }
}
