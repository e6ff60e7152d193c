using System.Globalization;
using Tomlyn;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Posthorn.Server;

/// <summary>Reads posthorn.toml and the environment against <see cref="ConfigKeys"/>.</summary>
/// <remarks>It reports every fault, not only the first, and throws for none.</remarks>
internal sealed class ConfigReader
{
    /// <summary>Longest file that is read, in characters.</summary>
    public const int TextLengthMax = 256 * 1024;

    private const string VersionKey = "version";
    private const int ShownLengthMax = 60;

    private static readonly Dictionary<string, ConfigKey> Known = ConfigKeys.All.ToDictionary(key => key.Path, StringComparer.Ordinal);
    private static readonly string[] Sections = [.. ConfigKeys.All.Select(key => key.Section).Where(section => section.Length > 0).Distinct()];

    private readonly List<ConfigFault> _faults = [];
    private readonly HashSet<string> _set = new(StringComparer.Ordinal);
    private readonly string _file;
    private ServerConfig _config = new();

    private ConfigReader(string file) => _file = file;

    /// <param name="file">Where the text comes from: it stands before each fault, and relative paths start in its directory.</param>
    /// <param name="environment">Variables that are not ours are passed over.</param>
    public static ConfigResult Read(string text, string file, IReadOnlyDictionary<string, string> environment)
    {
        var reader = new ConfigReader(file);
        reader.Defaults();
        reader.File(text);
        foreach (var (variable, value) in environment.OrderBy(pair => pair.Key, StringComparer.Ordinal)) reader.Variable(variable, value);
        reader.Together();
        return reader._faults.Count == 0 ? new ConfigResult(reader._config, []) : new ConfigResult(null, reader._faults);
    }

    private void Defaults()
    {
        foreach (var key in ConfigKeys.All)
        {
            if (key.Default.Length == 0) continue;
            var document = SyntaxParser.Parse($"{key.Name} = {key.Default}");
            var value = document.KeyValues.First().Value!;
            Set(key, ValueOf(value, key.Kind), key.Default, "default", Path.GetDirectoryName(Path.GetFullPath(_file))!);
        }
        _set.Clear();
    }

    private void File(string text)
    {
        if (text.Length > TextLengthMax)
        {
            Fault(_file, $"the file has more than {TextLengthMax} characters", "write only the keys that differ from their defaults");
            return;
        }
        if (Parse(text) is not { } document) return;
        var torn = new HashSet<int>();
        foreach (var diagnostic in document.Diagnostics)
        {
            var at = diagnostic.Span.Start.Line;
            if (torn.Add(at)) Fault(At(at), Shown(diagnostic.Message), "see https://toml.io for its form");
        }
        foreach (var pair in document.KeyValues) Entry("", pair, torn);
        foreach (var table in document.Tables) Table(table, torn);
    }

    // The parser reports what is wrong in its document, but for brackets that are nested too deep and for some escapes, which it throws.
    private DocumentSyntax? Parse(string text)
    {
        try
        {
            return SyntaxParser.Parse(text + "\n", _file, true);
        }
        catch (Exception e) when (e is TomlException or ArgumentException)
        {
            Fault(_file, "the file is no TOML: " + Shown(e.Message), "see https://toml.io for its form");
            return null;
        }
    }

    private void Table(TableSyntaxBase table, HashSet<int> torn)
    {
        if (table.Name is null) return;
        var (name, line) = (NameOf(table.Name), table.Span.Start.Line);
        if (torn.Contains(line)) return;
        if (table is TableArraySyntax || !Sections.Contains(name, StringComparer.Ordinal))
        {
            Fault(At(line), $"there is no section [{Shown(name)}]", DidYouMean(name, Sections, "[{0}]"));
            return;
        }
        foreach (var pair in table.Items) Entry(name + ".", pair, torn);
    }

    private void Entry(string prefix, KeyValueSyntax pair, HashSet<int> torn)
    {
        var line = pair.Span.Start.Line;
        if (pair.Key is null || pair.Value is null || torn.Contains(line)) return;
        var path = prefix + NameOf(pair.Key);
        if (pair.Value is InlineTableSyntax inline && (Sections.Contains(path, StringComparer.Ordinal) || prefix.Length == 0))
        {
            foreach (var item in inline.Items)
            {
                if (item.KeyValue is { } inner) Entry(path + ".", inner, torn);
            }
            return;
        }
        if (path == VersionKey)
        {
            Version(pair.Value, line);
            return;
        }
        if (Known.TryGetValue(path, out var key))
        {
            Set(key, ValueOf(pair.Value, key.Kind), pair.Value.ToString(), At(line), Path.GetDirectoryName(Path.GetFullPath(_file))!);
            return;
        }
        var dot = path.LastIndexOf('.');
        var (section, name) = dot < 0 ? ("", path) : (path[..dot], path[(dot + 1)..]);
        var beside = ConfigKeys.All.Where(known => known.Section == section).Select(known => known.Name).ToList();
        var place = dot < 0 ? "" : $" in [{Shown(section)}]";
        Fault(At(line), $"there is no key {Shown(name)}{place}", Elsewhere(name) ?? DidYouMean(name, beside, "{0}"));
    }

    private void Version(ValueSyntax value, int line)
    {
        _set.Add(VersionKey);
        if (value is IntegerValueSyntax { Value: >= 1 and <= ConfigKeys.Version }) return;
        Fault(At(line), $"version is {Shown(value.ToString())}", $"this release knows version 1 to {ConfigKeys.Version}");
    }

    private void Variable(string variable, string value)
    {
        const string prefix = "POSTHORN_";
        if (!variable.StartsWith(prefix, StringComparison.Ordinal)) return;
        var key = ConfigKeys.All.FirstOrDefault(key => key.Variable == variable);
        if (key is not null)
        {
            Set(key, ValueOf(value, key.Kind), value, variable, Environment.CurrentDirectory);
            return;
        }
        // The environment may hold names of others; one that begins like a section of ours was meant for us.
        var section = Sections.FirstOrDefault(section => variable.StartsWith($"{prefix}{section.ToUpperInvariant()}_", StringComparison.Ordinal));
        if (section is null) return;
        Fault(variable, "there is no such setting", DidYouMean(variable, ConfigKeys.All.Select(known => known.Variable), "{0}"));
    }

    private void Set(ConfigKey key, ConfigValue? value, string written, string place, string directory)
    {
        if (value is { } path && key.IsPath && path.Text.Length > 0 && !path.Text.Contains('\0', StringComparison.Ordinal))
            value = path with { Text = Path.GetFullPath(path.Text, directory) };
        if (value is { } given && key.Apply(_config, given) is { } applied)
        {
            _config = applied;
            _set.Add(key.Path);
            return;
        }
        _set.Add(key.Path);
        var shown = key.IsSecret ? "is none that is known" : $"is {Shown(written)}";
        Fault(place, $"{key.Title} {shown}", $"write {key.Expected}");
    }

    // What only makes sense together, once every value is known.
    private void Together()
    {
        if (!_set.Contains(VersionKey)) Fault(_file, "version is missing", $"write version = {ConfigKeys.Version} on the first line");
        foreach (var key in ConfigKeys.All)
        {
            if (key.Required && !_set.Contains(key.Path)) Fault(_file, $"{key.Title} is missing", $"write {key.Expected}");
        }
        if (_config.Certificate == CertificateSource.Files)
        {
            Needs("tls.certificate = \"files\"", "tls.certificate_file", _config.CertificateFile);
            Needs("tls.certificate = \"files\"", "tls.key_file", _config.KeyFile);
        }
        if (_config.RelayLogin is not null)
        {
            Needs("delivery.relay_login", "delivery.relay", _config.Relay?.Host);
            Needs("delivery.relay_login", "delivery.relay_password_file", _config.RelayPasswordFile);
        }
    }

    private void Needs(string one, string other, string? value)
    {
        if (value is null && !_set.Contains(other)) Fault(_file, $"{one} stands without {other}", $"write {other} = {Known[other].Expected} too");
    }

    private static ConfigValue? ValueOf(ValueSyntax syntax, ConfigKind kind) => (kind, syntax) switch
    {
        (ConfigKind.Text, StringValueSyntax { Value: { } text }) => new ConfigValue(text),
        (ConfigKind.Number, IntegerValueSyntax number) => new ConfigValue("", Number: number.Value),
        (ConfigKind.Switch, BooleanValueSyntax flag) => new ConfigValue("", Switch: flag.Value),
        (ConfigKind.List, StringValueSyntax { Value: { } one }) => new ConfigValue("", List: [one]),
        (ConfigKind.List, ArraySyntax array) when array.Items.All(item => item.Value is StringValueSyntax { Value: not null }) =>
            new ConfigValue("", List: [.. array.Items.Select(item => ((StringValueSyntax)item.Value!).Value!)]),
        _ => null,
    };

    private static ConfigValue? ValueOf(string variable, ConfigKind kind) => kind switch
    {
        ConfigKind.Text => new ConfigValue(variable),
        ConfigKind.Number when long.TryParse(variable, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) =>
            new ConfigValue("", Number: number),
        ConfigKind.Switch when bool.TryParse(variable, out var flag) => new ConfigValue("", Switch: flag),
        ConfigKind.List => new ConfigValue("", List: variable.Split(' ', ',').Where(word => word.Length > 0).ToList()),
        _ => null,
    };

    private static string NameOf(KeySyntax key)
    {
        var name = PartOf(key.Key);
        foreach (var dotted in key.DotKeys) name += "." + PartOf(dotted.Key);
        return name;
    }

    private static string PartOf(BareKeyOrStringValueSyntax? part) => part switch
    {
        BareKeySyntax { Key.Text: { } text } => text,
        StringValueSyntax { Value: { } text } => text,
        _ => "",
    };

    private static string? Elsewhere(string name) =>
        ConfigKeys.All.FirstOrDefault(known => known.Name == name) is { } known ? $"did you mean {known.Title}?" : null;

    private static string DidYouMean(string wrong, IEnumerable<string> known, string form) =>
        NearestName.Of(wrong, known) is { } near
            ? $"did you mean {string.Format(CultureInfo.InvariantCulture, form, near)}?"
            : "docs/operate/config.md lists what there is";

    // One line, not too long, whatever stands in the file.
    private static string Shown(string text)
    {
        var line = string.Concat(text.Trim().Select(c => char.IsControl(c) ? ' ' : c));
        return line.Length <= ShownLengthMax ? line : line[..ShownLengthMax] + "…";
    }

    private string At(int line) => $"{_file}:{line + 1}";

    private void Fault(string place, string wrong, string right) => _faults.Add(new ConfigFault(place, wrong, right));
}
