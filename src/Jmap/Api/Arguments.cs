using System.Globalization;
using System.Text.Json;

namespace Posthorn.Jmap;

/// <summary>
/// The arguments of one method call, result references taken in. Each reading checks the type and names the argument when it is wrong
/// (RFC 8620 §3.6.2 invalidArguments).
/// </summary>
internal sealed class Arguments(Dictionary<string, JsonElement> values)
{
    private const long NumberMax = (1L << 53) - 1;

    /// <summary>Refuses arguments that the method does not have.</summary>
    public void Only(params ReadOnlySpan<string> names)
    {
        foreach (var name in values.Keys)
        {
            if (!names.Contains(name)) throw MethodErrorException.Invalid(name, "there is no such argument");
        }
    }

    /// <summary>False for what is missing or null.</summary>
    public bool TryGet(string name, out JsonElement value) =>
        values.TryGetValue(name, out value) && value.ValueKind != JsonValueKind.Null;

    public string Text(string name) => TryGet(name, out var value) && value.ValueKind == JsonValueKind.String
        ? value.GetString()! : throw MethodErrorException.Invalid(name, "a String is needed");

    public string? OptionalText(string name) => TryGet(name, out _) ? Text(name) : null;

    public bool Flag(string name, bool otherwise = false)
    {
        if (!TryGet(name, out var value)) return otherwise;
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw MethodErrorException.Invalid(name, "a Boolean is needed"),
        };
    }

    /// <summary>UnsignedInt (RFC 8620 §1.3), or null.</summary>
    public long? Unsigned(string name)
    {
        if (!TryGet(name, out var value)) return null;
        return TryWhole(value, out var number) && number >= 0 ? number : throw MethodErrorException.Invalid(name, "an UnsignedInt is needed");
    }

    /// <summary>Int (RFC 8620 §1.3).</summary>
    public long Whole(string name, long otherwise)
    {
        if (!TryGet(name, out var value)) return otherwise;
        return TryWhole(value, out var number) ? number : throw MethodErrorException.Invalid(name, "an Int is needed");
    }

    /// <summary>Null when it is missing or null.</summary>
    public List<string>? Texts(string name)
    {
        if (!TryGet(name, out var value)) return null;
        if (value.ValueKind != JsonValueKind.Array) throw MethodErrorException.Invalid(name, "an array is needed");
        var texts = new List<string>(value.GetArrayLength());
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.String)
            {
                throw MethodErrorException.Invalid(string.Create(CultureInfo.InvariantCulture, $"{name}/{texts.Count}"), "a String is needed");
            }
            texts.Add(item.GetString()!);
        }
        return texts;
    }

    /// <summary>As <see cref="Texts"/>, each of them an Id (RFC 8620 §1.2), at most as many as one call may ask for.</summary>
    public List<string>? Ids(string name)
    {
        var ids = Texts(name);
        if (ids is null) return null;
        if (ids.Count > JmapLimits.GetObjectsMax)
        {
            throw new MethodErrorException("requestTooLarge", $"{name}: at most {JmapLimits.GetObjectsMax} at once");
        }
        for (var i = 0; i < ids.Count; i++)
        {
            if (!IsId(ids[i])) throw MethodErrorException.Invalid(string.Create(CultureInfo.InvariantCulture, $"{name}/{i}"), "an Id is needed");
        }
        return ids;
    }

    /// <summary>A map, or null.</summary>
    public JsonElement? Map(string name)
    {
        if (!TryGet(name, out var value)) return null;
        return value.ValueKind == JsonValueKind.Object ? value : throw MethodErrorException.Invalid(name, "an object is needed");
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        foreach (var (name, value) in values)
        {
            json.WritePropertyName(name);
            value.WriteTo(json);
        }
        json.WriteEndObject();
    }

    public static bool TryWhole(JsonElement value, out long number)
    {
        number = 0;
        if (value.ValueKind != JsonValueKind.Number) return false;
        // RFC 8620 §1.3: whole numbers within 53 bits. 1.0 is one, too (RFC 8259 §6).
        if (!value.TryGetInt64(out number))
        {
            if (!value.TryGetDouble(out var real) || real != Math.Floor(real) || Math.Abs(real) > NumberMax) return false;
            number = (long)real;
        }
        return Math.Abs(number) <= NumberMax;
    }

    /// <summary>RFC 8620 §1.2, or a reference to something that this request creates (§5.3).</summary>
    public static bool IsId(string id)
    {
        var start = id.StartsWith('#') ? 1 : 0;
        if (id.Length == start || id.Length > 255 + start) return false;
        foreach (var c in id.AsSpan(start))
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')) return false;
        }
        return true;
    }
}
