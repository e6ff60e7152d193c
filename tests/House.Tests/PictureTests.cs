using System.Globalization;
using System.Text;

namespace Posthorn.House.Tests;

public sealed class PictureTests
{
    private const string Begin = "<!-- picture: written from the project files by House.Tests -->\n";
    private const string End = "<!-- end of picture -->\n";

    [Fact]
    public void The_picture_shows_the_rooms_as_their_projects_reference_each_other()
    {
        string page = Repository.Read("ARCHITECTURE.md");
        int start = page.IndexOf(Begin, StringComparison.Ordinal), end = page.IndexOf(End, StringComparison.Ordinal);
        Assert.True(start >= 0 && end > start, "ARCHITECTURE.md has lost the marks around its picture.");
        Repository.AssertGenerated("ARCHITECTURE.md", page[..(start + Begin.Length)] + Draw() + page[end..]);
    }

    /// <summary>An arrow that follows from two others is left out: what remains is what a reader must know.</summary>
    private static string Draw()
    {
        var below = Repository.Rooms.ToDictionary(r => r.Name, r => r.References.ToHashSet(StringComparer.Ordinal), StringComparer.Ordinal);
        var picture = new StringBuilder("```mermaid\nflowchart TD\n");
        foreach (var (room, references) in below.OrderBy(r => r.Key, StringComparer.Ordinal))
        {
            foreach (string reference in references.Where(r => !references.Any(via => via != r && Reaches(via, r))).Order(StringComparer.Ordinal))
                picture.Append(CultureInfo.InvariantCulture, $"    {room} --> {reference}\n");
        }

        return picture.Append("```\n").ToString();

        bool Reaches(string from, string to) => below[from].Contains(to) || below[from].Any(next => Reaches(next, to));
    }
}
