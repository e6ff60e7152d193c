using System.Reflection;

namespace Posthorn.Server;

/// <summary>Which release this is.</summary>
internal static class Release
{
    /// <summary>As <c>0.1.0</c>.</summary>
    public static string Version { get; } =
        typeof(Release).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
