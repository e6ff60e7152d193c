using System.Collections;
using System.Text;

namespace Posthorn.Server;

/// <summary>The file on disk: where it is looked for, how it is read, how init writes it.</summary>
internal static class ConfigFile
{
    public const string Name = "posthorn.toml";

    /// <summary>The variable that names the data directory, for every command.</summary>
    public const string DataVariable = "POSTHORN_DATA";

    /// <summary>What --data says, else $POSTHORN_DATA, else ./data.</summary>
    public static string DataDirectory(string? option) =>
        Path.GetFullPath(option ?? (Environment.GetEnvironmentVariable(DataVariable) is { Length: > 0 } data ? data : "data"));

    /// <param name="data">What --data says: it goes before the environment, as the environment goes before the file.</param>
    /// <exception cref="CommandFailedException">There is no such file, or it cannot be read.</exception>
    public static ConfigResult Load(string path, string? data = null)
    {
        string text;
        try
        {
            text = File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: false));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandFailedException($"there is no {path}: \"posthorn init\" writes it", e);
        }
        var variables = Variables();
        if (data is not null) variables[DataVariable] = Path.GetFullPath(data);
        return ConfigReader.Read(text, path, variables);
    }

    /// <summary>As <see cref="Load"/>, for commands that need it without faults.</summary>
    /// <exception cref="ConfigFaultsException">There are faults.</exception>
    public static ServerConfig Require(string path, string? data = null)
    {
        var result = Load(path, data);
        return result.Config ?? throw new ConfigFaultsException(result.Faults);
    }

    private static Dictionary<string, string> Variables()
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables()) variables[(string)entry.Key] = (string?)entry.Value ?? "";
        return variables;
    }
}

/// <summary>The configuration has faults; each is a line on stderr.</summary>
internal sealed class ConfigFaultsException(IReadOnlyList<ConfigFault> faults) : Exception(string.Join('\n', faults))
{
    public IReadOnlyList<ConfigFault> Faults { get; } = faults;
}
