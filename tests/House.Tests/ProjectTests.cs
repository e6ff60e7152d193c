using System.Xml.Linq;

namespace Posthorn.House.Tests;

/// <summary>The hygiene of project files, packages and the solution.</summary>
public sealed class ProjectTests
{
    private static readonly string[] Packages =
        [.. Included(XDocument.Load(Repository.FullPath("Directory.Packages.props")), "PackageVersion")];

    [Fact]
    public void Every_package_has_one_version_in_alphabetical_order()
    {
        Assert.Equal(Packages.Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase), Packages);
    }

    [Fact]
    public void No_project_names_a_version_of_its_own()
    {
        Offenders.None(Repository.Projects
            .Where(p => p.Xml.Descendants("PackageReference").Attributes().Any(a => a.Name.LocalName is "Version" or "VersionOverride"))
            .Select(p => p.Path));
    }

    [Fact]
    public void Every_project_stands_in_the_solution()
    {
        var listed = XDocument.Load(Repository.FullPath("Posthorn.slnx")).Descendants("Project").Select(p => (string)p.Attribute("Path")!);
        Assert.Equal(Repository.Projects.Select(p => p.Path).Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_project_has_its_lock_file()
    {
        Offenders.None(Repository.Projects.Where(p => !Repository.Files.Contains($"{p.Directory}/packages.lock.json")).Select(p => p.Path));
    }

    [Fact]
    public void Every_page_named_by_another_exists()
    {
        var broken = Repository.Files.Where(f => f.EndsWith(".md", StringComparison.Ordinal))
            .SelectMany(page => MarkdownLinks.In(page).Where(link => !Path.Exists(link.Target)).Select(link => $"{page}: {link.Text}"));
        Offenders.None(broken);
    }

    private static IEnumerable<string> Included(XDocument xml, string element) =>
        xml.Descendants(element).Select(e => (string)e.Attribute("Include")!);
}
