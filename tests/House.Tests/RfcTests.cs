using System.Globalization;
using System.Text.RegularExpressions;

namespace Posthorn.House.Tests;

public sealed partial class RfcTests
{
    // Which numbers each room cites.
    private static readonly Dictionary<string, HashSet<int>> Cited = Repository.CSharpFiles
        .Where(f => f.StartsWith("src/", StringComparison.Ordinal))
        .GroupBy(f => f.Split('/')[1], StringComparer.Ordinal)
        .ToDictionary(room => room.Key, room => room.SelectMany(Numbers).ToHashSet(), StringComparer.Ordinal);

    [Fact]
    public void Every_cited_RFC_stands_in_the_table()
    {
        var listed = Rfc.Table.Select(r => r.Number).ToHashSet();
        Offenders.None(Cited.SelectMany(room => room.Value.Where(n => !listed.Contains(n)).Select(n => $"src/{room.Key} cites RFC {n}")));
    }

    [Fact]
    public void Every_RFC_that_is_followed_is_cited_in_its_room()
    {
        var uncited = Rfc.Table.Where(r => r.Support != Support.No)
            .SelectMany(r => r.Rooms
                .Where(room => !Cited.TryGetValue(room, out var numbers) || !numbers.Contains(r.Number))
                .Select(room => $"RFC {r.Number} in {room}"));
        Offenders.None(uncited);
        Offenders.None(Rfc.Table.Where(r => r.Support != Support.No && r.Rooms.Count == 0));
    }

    [Fact]
    public void The_table_rises_by_number()
    {
        var numbers = Rfc.Table.Select(r => r.Number).ToArray();
        Assert.Equal(numbers.Distinct().Order(), numbers);
    }

    [Fact]
    public void The_page_of_standards_says_what_the_table_says()
    {
        Repository.AssertGenerated("docs/standards.md", Rfc.Page());
    }

    private static IEnumerable<int> Numbers(string file) =>
        Citation().Matches(Repository.Read(file)).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture));

    [GeneratedRegex(@"\bRFC ?(\d{3,5})\b")]
    private static partial Regex Citation();
}
