namespace Posthorn.Server;

/// <summary>One thing that is wrong with the configuration.</summary>
/// <param name="Place">The file and the line, or the variable of the environment.</param>
/// <param name="Wrong">What is wrong.</param>
/// <param name="Right">What would be right.</param>
internal sealed record ConfigFault(string Place, string Wrong, string Right)
{
    public override string ToString() => $"{Place}: {Wrong}; {Right}";
}

/// <summary>Either a configuration without faults, or all of its faults.</summary>
internal sealed record ConfigResult(ServerConfig? Config, IReadOnlyList<ConfigFault> Faults);
