using System.Globalization;

namespace Posthorn.Bench;

/// <summary>The command line: a mode and `--name value` pairs, each with a default.</summary>
internal sealed class Options
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal)
    {
        ["pairs"] = "3",
        ["seconds"] = "5",
        ["users"] = "32",
        ["filled"] = "0",
        ["messages"] = "100000",
        ["domains"] = "1000",
        ["dead"] = "0",
        ["connections"] = "1000",
        ["targets"] = "peer,posthorn",
        ["cells"] = "4096x1,4096x16,4096x64,51200x1,51200x16,1048576x1,1048576x16",
        ["results"] = "",
    };

    public Options(IReadOnlyList<string> arguments)
    {
        Mode = arguments.Count > 0 ? arguments[0] : "";
        for (int i = 1; i < arguments.Count; i += 2)
        {
            var name = arguments[i].TrimStart('-');
            if (!_values.ContainsKey(name) || i + 1 == arguments.Count)
                throw new UsageException($"unknown option or missing value: {arguments[i]}; options: --{string.Join(" --", _values.Keys)}");
            _values[name] = arguments[i + 1];
        }
    }

    public string Mode { get; }
    public int Pairs => Number("pairs");
    public TimeSpan LoadTime => TimeSpan.FromSeconds(double.Parse(_values["seconds"], CultureInfo.InvariantCulture));
    public int Users => Number("users");
    public int Filled => Number("filled");
    public int Messages => Number("messages");
    public int Domains => Number("domains");
    public int Dead => Number("dead");
    public int Connections => Number("connections");
    public string Results => _values["results"];
    public IReadOnlyList<string> Targets => _values["targets"].Split(',');

    /// <summary>Message size in octets and number of sessions.</summary>
    public IEnumerable<(int Size, int Sessions)> Cells =>
        _values["cells"].Split(',').Select(cell => cell.Split('x'))
            .Select(pair => (int.Parse(pair[0], CultureInfo.InvariantCulture), int.Parse(pair[1], CultureInfo.InvariantCulture)));

    private int Number(string name) => int.Parse(_values[name], CultureInfo.InvariantCulture);
}

internal sealed class UsageException(string message) : Exception(message);
