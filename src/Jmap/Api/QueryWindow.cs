using System.Text.Json;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Which part of its results a query answers (RFC 8620 §5.5).</summary>
internal readonly record struct QueryWindow(long Position, string? Anchor, long AnchorOffset, long? Limit, bool CalculateTotal)
{
    public static readonly string[] ArgumentNames =
        ["accountId", "filter", "sort", "position", "anchor", "anchorOffset", "limit", "calculateTotal"];

    /// <summary>How many ids are answered at most.</summary>
    public int Count => (int)Math.Min(Limit ?? JmapLimits.QueryIdsMax, JmapLimits.QueryIdsMax);

    public static QueryWindow Read(Arguments arguments) => new(
        arguments.Whole("position", 0),
        arguments.OptionalText("anchor"),
        arguments.Whole("anchorOffset", 0),
        arguments.Unsigned("limit"),
        arguments.Flag("calculateTotal"));

    /// <summary>The first index to be answered among all results.</summary>
    /// <param name="indexOf">Where an id stands, or -1.</param>
    public int Start(int total, Func<string, int> indexOf)
    {
        if (Anchor is null) return (int)Math.Min(Position >= 0 ? Position : Math.Max(0, total + Position), total);
        var at = indexOf(Anchor);
        if (at < 0) throw new MethodErrorException("anchorNotFound");
        return (int)Math.Clamp(at + AnchorOffset, 0, total);
    }

    /// <param name="total">How many results there are, when somebody has counted.</param>
    public void Write(MethodCall call, Core.AccountId account, AccountState state, int start, IEnumerable<string> ids, int? total, bool canCalculate)
    {
        var json = call.Json;
        json.WriteStartObject();
        call.WriteAccount(account);
        json.WriteString("queryState"u8, StateText.Of(state));
        json.WriteBoolean("canCalculateChanges"u8, canCalculate);
        json.WriteNumber("position"u8, start);
        json.WriteStartArray("ids"u8);
        foreach (var id in ids) json.WriteStringValue(id);
        json.WriteEndArray();
        if (CalculateTotal) json.WriteNumber("total"u8, total ?? 0);
        if (Limit is null || Limit > JmapLimits.QueryIdsMax) json.WriteNumber("limit"u8, JmapLimits.QueryIdsMax);
    }
}
