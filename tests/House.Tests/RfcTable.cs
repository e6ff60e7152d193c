using System.Globalization;
using System.Text;

namespace Posthorn.House.Tests;

internal enum Support
{
    No,
    Partial,
    Yes,
}

/// <summary>One line of rfc/index.tsv: number, title, how far it is followed, the rooms that do.</summary>
internal sealed record Rfc(int Number, string Title, Support Support, IReadOnlyList<string> Rooms)
{
    public static IReadOnlyList<Rfc> Table { get; } = [.. Repository.ReadLines("rfc/index.tsv").Skip(1).Select(Parse)];

    /// <summary>docs/standards.md, as the table gives it.</summary>
    public static string Page()
    {
        var page = new StringBuilder(
            """
            # Standards

            What Posthorn follows, and where in the source it does. This page is written from `rfc/index.tsv` by House.Tests;
            each entry marked Yes or Partial is cited at the code that follows it.


            """);
        Section(page, Support.Yes, "Followed");
        Section(page, Support.Partial, "Followed in part");
        Section(page, Support.No, "Not yet");
        return page.ToString().TrimEnd('\n') + "\n";
    }

    private static void Section(StringBuilder page, Support support, string heading)
    {
        page.Append(CultureInfo.InvariantCulture, $"## {heading}\n\n| RFC | title | room |\n|---|---|---|\n");
        foreach (var rfc in Table.Where(r => r.Support == support))
            page.Append(CultureInfo.InvariantCulture, $"| {rfc.Number} | {rfc.Title} | {string.Join(", ", rfc.Rooms)} |\n");
        page.Append('\n');
    }

    private static Rfc Parse(string line)
    {
        string[] cells = line.Split('\t');
        Assert.True(cells.Length == 4, $"rfc/index.tsv: \"{line}\" has not four cells.");
        return new Rfc(
            int.Parse(cells[0], CultureInfo.InvariantCulture),
            cells[1],
            Enum.Parse<Support>(cells[2]),
            cells[3].Split(", ", StringSplitOptions.RemoveEmptyEntries));
    }
}
