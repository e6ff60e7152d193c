using System.Text.Json;
using Posthorn.Core;

namespace Posthorn.Jmap;

/// <summary>Why one object of a /set was not created, updated or destroyed (RFC 8620 §5.3).</summary>
internal sealed record SetError(string Type, string? Description = null)
{
    /// <summary>For invalidProperties.</summary>
    public IReadOnlyList<string> Properties { get; init; } = [];

    /// <summary>For blobNotFound.</summary>
    public IReadOnlyList<string> NotFound { get; init; } = [];

    /// <summary>For alreadyExists.</summary>
    public string? ExistingId { get; init; }

    public static SetError Missing { get; } = new("notFound");

    public static SetError Invalid(string property, string why) => new("invalidProperties", why) { Properties = [property] };

    /// <summary>The one place where the domain's no becomes a SetError.</summary>
    public static SetError Of(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.NotFound => new("notFound", refusal.Text),
        RefusalKind.AlreadyExists => new("invalidProperties", refusal.Text) { Properties = ["name"] },
        RefusalKind.OverQuota => new("overQuota", refusal.Text),
        RefusalKind.TooLarge => new("tooLarge", refusal.Text),
        RefusalKind.RateLimited => new("rateLimit", refusal.Text),
        RefusalKind.Forbidden or RefusalKind.Disabled => new("forbidden", refusal.Text),
        RefusalKind.TooMany => new("forbidden", refusal.Text),
        RefusalKind.TemporarilyUnavailable => new("serverFail", refusal.Text),
        _ => new("invalidProperties", refusal.Text),
    };

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, Type);
        if (Description is not null) json.WriteString("description"u8, Description);
        if (Properties.Count > 0) WriteList(json, "properties", Properties);
        if (NotFound.Count > 0) WriteList(json, "notFound", NotFound);
        if (ExistingId is not null) json.WriteString("existingId"u8, ExistingId);
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}

/// <summary>Carries a <see cref="SetError"/> out of the reading of one object.</summary>
public sealed class SetErrorException : Exception
{
    internal SetErrorException(SetError error) : base(error.Description ?? error.Type) => Error = error;

    internal SetError Error { get; }
}
