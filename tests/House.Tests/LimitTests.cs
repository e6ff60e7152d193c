using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;

namespace Posthorn.House.Tests;

public sealed partial class LimitTests
{
    /// <summary>docs/limits.md names a limit as Room.Type.Member; the member is a constant, a static field or a setting with a default.</summary>
    [Fact]
    public void Every_limit_of_the_page_exists_in_its_room()
    {
        var named = Repository.ReadLines("docs/limits.md").SelectMany(l => Constant().Matches(l)).Select(m => m.Groups[1].Value).ToArray();
        var members = Repository.Rooms.SelectMany(Members).ToHashSet(StringComparer.Ordinal);
        Offenders.None(named.Where(n => !members.Contains(n)));
    }

    private static IEnumerable<string> Members(Project room)
    {
        using var image = new PEReader(File.OpenRead(room.AssemblyPath));
        var metadata = image.GetMetadataReader();
        foreach (var handle in metadata.TypeDefinitions)
        {
            var type = metadata.GetTypeDefinition(handle);
            var fields = type.GetFields().Select(f => metadata.GetString(metadata.GetFieldDefinition(f).Name));
            var properties = type.GetProperties().Select(p => metadata.GetString(metadata.GetPropertyDefinition(p).Name));
            foreach (string member in fields.Concat(properties)) yield return $"{room.Name}.{metadata.GetString(type.Name)}.{member}";
        }
    }

    [GeneratedRegex(@"^\|.*\| `([A-Za-z]+\.[A-Za-z]+\.[A-Za-z]+)` \|")]
    private static partial Regex Constant();
}
