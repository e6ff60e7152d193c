using System.CommandLine;

namespace Posthorn.Server;

/// <summary>The options of the commands that work on the data directory themselves.</summary>
internal static class LocalOptions
{
    public static Option<string?> Config() => new("--config")
    {
        Description = $"The config file; otherwise {ConfigFile.Name} in the data directory.",
        HelpName = "FILE",
    };

    public static Option<string?> Data() => new("--data")
    {
        Description = $"The data directory; otherwise ${ConfigFile.DataVariable}, otherwise ./data.",
        HelpName = "DIR",
    };

    public static string ConfigPath(ParseResult parsed, Option<string?> config, Option<string?> data) =>
        parsed.GetValue(config) is { } file ? Path.GetFullPath(file) : Path.Combine(ConfigFile.DataDirectory(parsed.GetValue(data)), ConfigFile.Name);
}
