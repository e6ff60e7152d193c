using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Posthorn.Server;

/// <summary>One command line on its way: what was typed, the server, and where to print.</summary>
internal sealed class RemoteCall(ParseResult parsed, ApiClient api, bool json, CancellationToken ct)
{
    // Addresses with a plus or a quote are for people to read and for scripts to take, not for HTML.
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public ApiClient Api => api;

    public bool Json => json;

    public CancellationToken Ct => ct;

    public TextWriter Output => parsed.InvocationConfiguration.Output;

    public TextWriter Error => parsed.InvocationConfiguration.Error;

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => parsed.GetRequiredValue(argument);

    public bool Has(Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <summary>Prints one thing: as JSON, or in the words for people.</summary>
    public int Print<T>(T thing, JsonTypeInfo<T> shape, Action<T> tell)
    {
        if (json) PrintJson(writer => JsonSerializer.Serialize(writer, thing, shape));
        else tell(thing);
        return ExitStatus.Done;
    }

    /// <summary>Prints a list: as JSON, or as a table.</summary>
    public int Print<T>(IReadOnlyList<T> items, JsonTypeInfo<T> shape, Action<IReadOnlyList<T>> tell)
    {
        if (!json)
        {
            tell(items);
            return ExitStatus.Done;
        }
        PrintJson(writer =>
        {
            writer.WriteStartArray();
            foreach (var item in items) JsonSerializer.Serialize(writer, item, shape);
            writer.WriteEndArray();
        });
        return ExitStatus.Done;
    }

    public void PrintJson(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Indented)) write(writer);
        Output.WriteLine(Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length));
    }

    public void Say(string line) => Output.WriteLine(Text.Printable(line));
}
