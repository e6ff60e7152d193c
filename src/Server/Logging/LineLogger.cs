using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Posthorn.Server;

/// <summary>Makes loggers whose events are lines: text for people, or one JSON object each with the event's values by name.</summary>
internal sealed class LineLoggerProvider(LogFormat format, LogWriter writer, TimeProvider time) : ILoggerProvider, ISupportExternalScope
{
    // No page shows a log line as HTML: addresses keep their brackets.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private IExternalScopeProvider? _scopes;

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
    }

    // The scope of a connection is its session id.
    private string? Session()
    {
        var session = default(string);
        _scopes?.ForEachScope<object?>((scope, _) => session = scope as string ?? session, null);
        return session;
    }

    private sealed class LineLogger(LineLoggerProvider provider, string category) : ILogger
    {
        private readonly string _room = category.Split('.') is ["Posthorn", var room, ..] ? room : category;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            provider.Write(_room, logLevel, eventId, state as IReadOnlyList<KeyValuePair<string, object?>>, formatter(state, exception), exception);
    }

    private void Write(
        string room, LogLevel level, EventId id, IReadOnlyList<KeyValuePair<string, object?>>? values, string message, Exception? exception)
    {
        var (now, session) = (time.GetUtcNow(), Session());
        writer.Write(format == LogFormat.Json
            ? Json(now, room, level, id, session, values, message, exception)
            : Text(now, room, level, id, session, message, exception));
    }

    private static byte[] Text(DateTimeOffset now, string room, LogLevel level, EventId id, string? session, string message, Exception? exception)
    {
        var line = new StringBuilder(160);
        line.Append(CultureInfo.InvariantCulture, $"{now:yyyy-MM-ddTHH:mm:ss.fffZ} {NameOf(level),-7} {room}[{id.Id}] ");
        if (session is not null && !message.Contains(session, StringComparison.Ordinal)) line.Append(session).Append(": ");
        OneLine(line, message);
        if (exception is not null)
        {
            line.Append(" | ");
            OneLine(line, exception.ToString());
        }
        return Encoding.UTF8.GetBytes(line.Append('\n').ToString());
    }

    private static byte[] Json(
        DateTimeOffset now,
        string room,
        LogLevel level,
        EventId id,
        string? session,
        IReadOnlyList<KeyValuePair<string, object?>>? values,
        string message,
        Exception? exception)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, Readable))
        {
            json.WriteStartObject();
            json.WriteString("time", now.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            json.WriteString("level", NameOf(level));
            json.WriteString("room", room);
            json.WriteNumber("event", id.Id);
            if (session is not null) json.WriteString("session", session);
            json.WriteString("message", message);
            if (exception is not null) json.WriteString("exception", exception.ToString());
            json.WriteStartObject("values");
            foreach (var (name, value) in values ?? [])
            {
                if (name == "{OriginalFormat}") continue;
                Value(json, JsonNamingPolicy.CamelCase.ConvertName(name), value);
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void Value(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case null: json.WriteNull(name); break;
            case bool flag: json.WriteBoolean(name, flag); break;
            case int number: json.WriteNumber(name, number); break;
            case long number: json.WriteNumber(name, number); break;
            default: json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }

    // What a peer sent may stand in a message: it must not be able to begin a line of its own, or to speak to a terminal.
    private static void OneLine(StringBuilder line, string text)
    {
        foreach (var c in text)
        {
            if (c == '\n') line.Append(" | ");
            else if (c != '\r') line.Append(char.IsControl(c) ? '?' : c);
        }
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warning",
        LogLevel.Error => "error",
        _ => "fatal",
    };
}
