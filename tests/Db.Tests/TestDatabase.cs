using Microsoft.Extensions.Logging.Abstractions;

namespace Posthorn.Db.Tests;

/// <summary>An open database of either kind, with its blobs, in a place of its own; Reopen closes it and opens it again.</summary>
internal sealed class TestDatabase : IAsyncDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly DatabaseSettings _settings;
    private readonly Schema[] _schemas;
    private readonly TimeProvider _time;

    private TestDatabase(string url, string name, TimeProvider time, Schema[] schemas)
    {
        _settings = new DatabaseSettings { Directory = _directory.Path, Url = url, Name = name };
        (_time, _schemas) = (time, schemas);
    }

    public Database Database { get; private set; } = null!;

    public BlobStore Blobs { get; private set; } = null!;

    public DatabaseSettings Settings => _settings;

    public string BlobDirectory => Path.Combine(_directory.Path, "blobs");

    public static async Task<TestDatabase> OpenAsync(DatabaseKind kind, TimeProvider? time = null, params Schema[] schemas)
    {
        var url = kind == DatabaseKind.Sqlite ? "sqlite:" : (await PostgresCluster.Shared).Url;
        var test = new TestDatabase(url, PostgresCluster.NewName(), time ?? TimeProvider.System, [BlobStore.Schema, .. schemas]);
        await test.OpenAsync();
        return test;
    }

    public async Task OpenAsync()
    {
        Database = await OpenDatabaseAsync(_schemas);
        var blobUrl = Database.Kind == DatabaseKind.Sqlite ? "segments:" : "database:";
        Blobs = await BlobStore.OpenAsync(Database, blobUrl, BlobDirectory, _time, NullLoggerFactory.Instance, CancellationToken.None);
    }

    public Task<Database> OpenDatabaseAsync(params Schema[] schemas) =>
        Database.OpenAsync(_settings, schemas, _time, NullLoggerFactory.Instance, CancellationToken.None);

    public async Task CloseAsync()
    {
        await Blobs.DisposeAsync();
        await Database.DisposeAsync();
    }

    public async Task ReopenAsync()
    {
        await CloseAsync();
        await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _directory.Dispose();
    }
}
