using System.Diagnostics;
using System.Xml.Linq;

namespace Posthorn.House.Tests;

/// <summary>The working copy that these tests were built from: its files, its projects and the pages that are generated from them.</summary>
internal static class Repository
{
    private static readonly string[] CodeExtensions = [".cs", ".sh", ".py", ".js", ".mjs", ".ts", ".tsx", ".c"];

    public static string Root { get; } = FindRoot();

    /// <summary>"Debug" or "Release": the configuration that these tests and the rooms beside them were built in.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    /// <summary>Every file that is tracked or could be added, relative to the root, with forward slashes.</summary>
    public static IReadOnlyList<string> Files { get; } = ListFiles();

    public static IReadOnlyList<Project> Projects { get; } =
        [.. Files.Where(f => f.EndsWith(".csproj", StringComparison.Ordinal)).Select(Project.Load)];

    public static IReadOnlyList<Project> Rooms { get; } = [.. Projects.Where(p => p.Path.StartsWith("src/", StringComparison.Ordinal))];

    public static IEnumerable<string> CSharpFiles => Files.Where(f => f.EndsWith(".cs", StringComparison.Ordinal));

    /// <summary>Sources and scripts: what a person writes to be run.</summary>
    public static IEnumerable<string> CodeFiles =>
        Files.Where(f => CodeExtensions.Contains(Path.GetExtension(f)) || f is "run" or "test" or "build" or ".ci/run" or "bench/run");

    public static string FullPath(string file) => Path.Combine(Root, file);

    public static string Read(string file) => File.ReadAllText(FullPath(file));

    public static string[] ReadLines(string file) => File.ReadAllLines(FullPath(file));

    /// <summary>Compares a generated file with what stands in the tree, or writes it when POSTHORN_REGENERATE=1.</summary>
    public static void AssertGenerated(string file, string expected)
    {
        if (Environment.GetEnvironmentVariable("POSTHORN_REGENERATE") == "1") File.WriteAllText(FullPath(file), expected);
        Assert.True(
            File.Exists(FullPath(file)) && Read(file) == expected,
            $"{file} is not what its source says; POSTHORN_REGENERATE=1 ./test --quick writes it again.");
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Posthorn.slnx")))
            directory = directory.Parent ?? throw new InvalidOperationException("Posthorn.slnx stands in no folder above the tests.");
        return directory.FullName;
    }

    private static string[] ListFiles()
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["-c", "core.quotepath=off", "ls-files", "-co", "--exclude-standard"])
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
        })!;
        string[] files = git.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return [.. files.Distinct(StringComparer.Ordinal).Where(f => File.Exists(FullPath(f))).Order(StringComparer.Ordinal)];
    }
}

/// <summary>One project file, as written.</summary>
/// <param name="Path">Relative to the root of the repository.</param>
/// <param name="Name">The file's name without its extension, for a room also the room's name.</param>
/// <param name="References">The names of the projects that it references, in the file's order.</param>
internal sealed record Project(string Path, string Name, IReadOnlyList<string> References, XDocument Xml)
{
    public string Directory => System.IO.Path.GetDirectoryName(Path)!.Replace('\\', '/');

    public string AssemblyName => Xml.Descendants("AssemblyName").SingleOrDefault()?.Value ?? Name;

    public string AssemblyPath =>
        Repository.FullPath($"{Directory}/bin/{Repository.Configuration}/net10.0/{AssemblyName}.dll");

    public static Project Load(string path)
    {
        var xml = XDocument.Load(Repository.FullPath(path));
        var references = xml.Descendants("ProjectReference")
            .Select(r => System.IO.Path.GetFileNameWithoutExtension((string)r.Attribute("Include")!))
            .ToArray();
        return new Project(path, System.IO.Path.GetFileNameWithoutExtension(path), references, xml);
    }
}
