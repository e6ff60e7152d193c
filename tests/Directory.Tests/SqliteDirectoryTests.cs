using Posthorn.Db;

namespace Posthorn.Directory.Tests;

public sealed class SqliteDirectoryTests : DirectoryTests, IDisposable
{
    private readonly List<string> _places = [];

    private protected override Task<House> OpenAsync(DirectorySettings? settings = null)
    {
        var place = System.IO.Directory.CreateTempSubdirectory("posthorn-directory-").FullName;
        _places.Add(place);
        return House.OpenAsync(new DatabaseSettings { Directory = place }, settings);
    }

    public void Dispose()
    {
        foreach (var place in _places) System.IO.Directory.Delete(place, recursive: true);
    }
}
