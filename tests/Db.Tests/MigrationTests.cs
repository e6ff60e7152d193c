using Xunit;

namespace Posthorn.Db.Tests;

public sealed class MigrationTests
{
    private static readonly Schema First = new("notes", ["CREATE TABLE note (number BIGINT NOT NULL PRIMARY KEY)"]);

    private static readonly Schema Second = First with { Steps = [.. First.Steps, "ALTER TABLE note ADD COLUMN label TEXT"] };

    public static TheoryData<DatabaseKind> Kinds => [DatabaseKind.Sqlite, DatabaseKind.Postgres];

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_newer_schema_is_refused_and_left_as_it_is(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Second);
        await test.CloseAsync();
        var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(() => test.OpenDatabaseAsync(BlobStore.Schema, First));
        Assert.Equal(DatabaseFault.NewerVersion, error.Fault);
        Assert.Contains("notes tables are at step 2, this program knows 1", error.Message, StringComparison.Ordinal);
        await test.OpenAsync();
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_step_that_fails_takes_the_others_of_its_start_back(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, First);
        await test.CloseAsync();
        var broken = Second with { Steps = [.. Second.Steps, "CREATE TABLE note (number BIGINT)"] };
        await Assert.ThrowsAsync<DatabaseException>(() => test.OpenDatabaseAsync(BlobStore.Schema, broken));
        await test.OpenAsync();
        Assert.Equal(1, await test.Database.ReadAsync(s => s.Prepare("SELECT MAX(step) FROM migration WHERE room = 'notes'").Scalar()));
    }

    [Fact]
    public void A_step_is_split_at_line_ends_and_by_database()
    {
        const string step = """
            -- a comment
            CREATE TABLE a (t TEXT DEFAULT 'x;y');
            -- sqlite
            CREATE VIRTUAL TABLE f USING fts5(t);
            -- postgres
            CREATE INDEX g
              ON a (t);
            """;
        Assert.Equal(["CREATE TABLE a (t TEXT DEFAULT 'x;y')", "CREATE VIRTUAL TABLE f USING fts5(t)"], Migrations.Split(step, DatabaseKind.Sqlite));
        Assert.Equal(["CREATE TABLE a (t TEXT DEFAULT 'x;y')", "CREATE INDEX g\n  ON a (t)"], Migrations.Split(step, DatabaseKind.Postgres));
    }
}
