namespace Posthorn.House.Tests;

public sealed class NamespaceTests
{
    public static TheoryData<string> Rooms => [.. Repository.Rooms.Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void No_circle_of_namespaces_inside_a_room(string room)
    {
        Offenders.None(NamespaceGraph.Circles(Repository.Rooms.Single(r => r.Name == room).AssemblyPath));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_stays_inside_its_own_namespace(string room)
    {
        var strangers = Repository.CSharpFiles
            .Where(f => f.StartsWith($"src/{room}/", StringComparison.Ordinal))
            .SelectMany(f => Repository.ReadLines(f)
                .Where(l => l.StartsWith("namespace ", StringComparison.Ordinal))
                .Select(l => (File: f, Name: l["namespace ".Length..].TrimEnd(';', ' '))))
            .Where(n => n.Name != $"Posthorn.{room}" && !n.Name.StartsWith($"Posthorn.{room}.", StringComparison.Ordinal));
        Offenders.None(strangers);
    }

    [Fact]
    public void A_circle_is_found_where_there_is_one()
    {
        string circle = Assert.Single(NamespaceGraph.Circles(typeof(NamespaceTests).Assembly.Location));
        Assert.Contains("CircleLeft.Egg uses Posthorn.House.Tests.CircleRight.Hen", circle, StringComparison.Ordinal);
        Assert.Contains("CircleRight.Hen uses Posthorn.House.Tests.CircleLeft.Egg", circle, StringComparison.Ordinal);
    }
}
