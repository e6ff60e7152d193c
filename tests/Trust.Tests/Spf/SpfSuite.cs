using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Posthorn.Trust.Tests;

/// <summary>YAML as lists, dictionaries and strings: what the published suites are written in.</summary>
internal static class Yaml
{
    public static IEnumerable<Dictionary<string, object>> Documents(string file)
    {
        // An empty text with white space of its own is more than the reader takes.
        var lines = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", file));
        using var text = new StringReader(Regex.Replace(lines, @"\|\n +\n", "|\n\n"));
        var parser = new Parser(text);
        parser.Consume<StreamStart>();
        while (!parser.Accept<StreamEnd>(out _))
        {
            parser.Consume<DocumentStart>();
            yield return (Dictionary<string, object>)Read(parser);
            parser.Consume<DocumentEnd>();
        }
    }

    private static object Read(Parser parser)
    {
        if (parser.TryConsume<Scalar>(out var scalar)) return scalar.Value;
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var list = new List<object>();
            while (!parser.TryConsume<SequenceEnd>(out _)) list.Add(Read(parser));
            return list;
        }
        parser.Consume<MappingStart>();
        var map = new Dictionary<string, object>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _)) map[parser.Consume<Scalar>().Value] = Read(parser);
        return map;
    }
}

/// <summary>One case of the published suite of RFC 7208.</summary>
internal sealed record SpfCase(
    string Name, string Section, string Helo, string Host, string MailFrom, IReadOnlyList<string> Results, string? Explanation, SuiteResolver Zone)
{
    public static readonly IReadOnlyDictionary<string, SpfCase> All = Load().ToDictionary(one => one.Name, StringComparer.Ordinal);

    private static IEnumerable<SpfCase> Load()
    {
        foreach (var document in Yaml.Documents("spf/rfc7208-tests.yml"))
        {
            var zone = new SuiteResolver();
            foreach (var (name, records) in (Dictionary<string, object>)document["zonedata"]) zone.Add(name, ((List<object>)records).Select(Record));
            foreach (var (name, value) in (Dictionary<string, object>)document["tests"])
            {
                var one = (Dictionary<string, object>)value;
                var results = one["result"] is List<object> several ? several.Cast<string>() : [(string)one["result"]];
                yield return new SpfCase(
                    $"{document["description"]}: {name}",
                    one.TryGetValue("spec", out var spec) ? $"{spec}" : "",
                    (string)one["helo"], (string)one["host"], (string)one["mailfrom"], [.. results],
                    one.TryGetValue("explanation", out var text) ? (string)text : null, zone);
            }
        }
    }

    private static (string Type, object Value) Record(object record) =>
        record is Dictionary<string, object> map ? (map.Single().Key, map.Single().Value) : ((string)record, "");
}
