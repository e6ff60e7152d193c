namespace Posthorn.Db.Tests;

/// <summary>A data directory of its own, gone after the test.</summary>
internal sealed class TestDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("posthorn-db-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
