using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace Posthorn.House.Tests;

public sealed class WallTests
{
    private static readonly Walls Listed = Walls.Load();
    private static readonly string[] RoomNames = [.. Repository.Rooms.Select(r => r.Name)];

    public static TheoryData<string> Rooms => [.. RoomNames];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_references_exactly_what_the_list_of_walls_says(string room)
    {
        Assert.True(Listed.Lists(room), $"{room} is missing from the list of walls in ARCHITECTURE.md.");
        var project = Repository.Rooms.Single(r => r.Name == room);
        Assert.Equal(Listed.Allowed(room, RoomNames), project.References.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void The_built_room_knows_no_other_room_than_the_listed_ones(string room)
    {
        var project = Repository.Rooms.Single(r => r.Name == room);
        using var image = new PEReader(File.OpenRead(project.AssemblyPath));
        var metadata = image.GetMetadataReader();
        var known = metadata.AssemblyReferences
            .Select(h => metadata.GetString(metadata.GetAssemblyReference(h).Name))
            .Where(n => n.StartsWith("Posthorn.", StringComparison.Ordinal))
            .Select(n => n["Posthorn.".Length..]);
        Offenders.None(known.Except(Listed.Allowed(room, RoomNames), StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_opens_its_internals_to_no_other_room(string room)
    {
        var friends = Repository.Rooms.Single(r => r.Name == room).Xml.Descendants("InternalsVisibleTo").Select(e => (string)e.Attribute("Include")!);
        Offenders.None(friends.Intersect(Repository.Rooms.Select(r => r.AssemblyName), StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_has_tests_that_see_it(string room)
    {
        var tests = Repository.Projects.SingleOrDefault(p => p.Path == $"tests/{room}.Tests/{room}.Tests.csproj");
        Assert.NotNull(tests);
        Assert.Contains(room, tests.References);
    }

    [Fact]
    public void Only_written_references_exist()
    {
        var properties = XDocument.Load(Repository.FullPath("Directory.Build.props"));
        Assert.Equal("true", properties.Descendants("DisableTransitiveProjectReferences").Single().Value);
        Assert.DoesNotContain(Repository.Projects, p => p.Xml.Descendants("DisableTransitiveProjectReferences").Any());
    }

    [Fact]
    public void No_room_references_a_test()
    {
        Assert.DoesNotContain(Repository.Rooms, r => r.References.Any(n => !RoomNames.Contains(n)));
    }

    [Fact]
    public void The_list_is_read_clause_by_clause()
    {
        string[] rooms = ["Core", "Db", "Dns", "Mail", "Server", "Smtp"];
        var walls = Walls.Parse(
            """
            Core <- everyone     Db, Dns -> Core
            Mail -> Db, Trust    Smtp -> Mail
            Server -> all.   Speakers never know each other.
            """);
        Assert.Empty(walls.Allowed("Core", rooms));
        Assert.Equal(["Core"], walls.Allowed("Dns", rooms));
        Assert.Equal(["Core", "Db"], walls.Allowed("Mail", rooms));
        Assert.Equal(["Core", "Mail"], walls.Allowed("Smtp", rooms));
        Assert.Equal(["Core", "Db", "Dns", "Mail", "Smtp"], walls.Allowed("Server", rooms));
        Assert.False(walls.Lists("Speakers never know each other"));
    }
}
