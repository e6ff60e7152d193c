namespace Posthorn.Server;

internal enum ConfigKind
{
    Text,
    Number,
    Switch,
    List,
}

/// <summary>A value as the file or the environment gives it, of the kind that its key wants.</summary>
internal readonly record struct ConfigValue(string Text, long Number = 0, bool Switch = false, IReadOnlyList<string>? List = null);

/// <summary>One key of the file: its name, its default, its page in the documentation and its test, in one place.</summary>
/// <param name="Section">Empty at the top of the file.</param>
/// <param name="Default">As it would be written in the file; empty for a key without one.</param>
/// <param name="Expected">What the value must be, to stand after "write".</param>
/// <param name="Apply">Null when the value is not what the key wants.</param>
internal sealed record ConfigKey(
    string Section, string Name, ConfigKind Kind, string Default, string Expected, string Doc, Func<ServerConfig, ConfigValue, ServerConfig?> Apply)
{
    /// <summary>There is no default that would suit anybody.</summary>
    public bool Required { get; init; }

    /// <summary>A file or directory: made absolute, from where the file lies.</summary>
    public bool IsPath { get; init; }

    /// <summary>May hold a password: what is wrong with it is told without repeating it.</summary>
    public bool IsSecret { get; init; }

    /// <summary>As the file's dotted keys have it: <c>listen.port_offset</c>.</summary>
    public string Path => Section.Length == 0 ? Name : $"{Section}.{Name}";

    /// <summary>As people write it: <c>[listen] port_offset</c>.</summary>
    public string Title => Section.Length == 0 ? Name : $"[{Section}] {Name}";

    public string Variable => "POSTHORN_" + (Section.Length == 0 ? Name : $"{Section}_{Name}").ToUpperInvariant();
}
