using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Posthorn.Delivery;

/// <summary>An event as a line of JSON, as it is stored and exported.</summary>
public static class JourneyText
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(IBufferWriter<byte> output, JourneyEvent step)
    {
        using (var json = new Utf8JsonWriter(output, Options)) Write(json, step);
        output.Write("\n"u8);
    }

    internal static void Write(Utf8JsonWriter json, JourneyEvent step)
    {
        json.WriteStartObject();
        json.WriteString("at"u8, step.At.UtcDateTime);
        json.WriteString("message"u8, step.Message);
        json.WriteString("step"u8, Word(step.Step));
        if (step.From is not null) json.WriteString("from"u8, step.From);
        if (step.To.Count > 0)
        {
            json.WriteStartArray("to"u8);
            foreach (var to in step.To) json.WriteStringValue(to);
            json.WriteEndArray();
        }
        Text(json, "messageId"u8, step.MessageId);
        if (step.Queue is { } queue) json.WriteNumber("queue"u8, queue);
        Text(json, "client"u8, step.Client?.ToString());
        Text(json, "name"u8, step.Name);
        Text(json, "with"u8, step.With);
        Text(json, "tls"u8, step.Tls);
        Text(json, "user"u8, step.User);
        Text(json, "session"u8, step.Session);
        if (step.Size is { } size) json.WriteNumber("size"u8, size);
        Text(json, "status"u8, step.Status);
        Text(json, "text"u8, step.Text);
        Text(json, "host"u8, step.Host);
        if (step.Next is { } next) json.WriteString("next"u8, next.UtcDateTime);
        json.WriteEndObject();
    }

    /// <exception cref="JsonException">It was not written by <see cref="Write(IBufferWriter{byte}, JourneyEvent)"/>.</exception>
    internal static JourneyEvent Read(ReadOnlyMemory<byte> line)
    {
        using var document = JsonDocument.Parse(line);
        var json = document.RootElement;
        return new JourneyEvent(Time(json, "at") ?? default, String(json, "message") ?? "", StepOf(String(json, "step")))
        {
            From = String(json, "from"),
            To = json.TryGetProperty("to", out var to) ? [.. to.EnumerateArray().Select(static one => one.GetString()!)] : [],
            MessageId = String(json, "messageId"),
            Queue = Number(json, "queue"),
            Client = String(json, "client") is { } client ? IPAddress.Parse(client) : null,
            Name = String(json, "name"),
            With = String(json, "with"),
            Tls = String(json, "tls"),
            User = String(json, "user"),
            Session = String(json, "session"),
            Size = Number(json, "size"),
            Status = String(json, "status"),
            Text = String(json, "text"),
            Host = String(json, "host"),
            Next = Time(json, "next"),
        };
    }

    public static string Word(JourneyStep step) => step switch
    {
        JourneyStep.Received => "received",
        JourneyStep.Refused => "refused",
        JourneyStep.Checked => "checked",
        JourneyStep.Queued => "queued",
        JourneyStep.Followed => "followed",
        JourneyStep.Delivered => "delivered",
        JourneyStep.Deferred => "deferred",
        JourneyStep.Failed => "failed",
        JourneyStep.Reported => "reported",
        _ => "operated",
    };

    private static JourneyStep StepOf(string? word) =>
        Array.Find(Enum.GetValues<JourneyStep>(), step => Word(step) == word);

    private static void Text(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? text)
    {
        if (text is { Length: > 0 }) json.WriteString(name, text);
    }

    private static string? String(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static long? Number(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetInt64() : null;

    private static DateTimeOffset? Time(JsonElement json, string name) => String(json, name) is { } text
        ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal)
        : null;
}
