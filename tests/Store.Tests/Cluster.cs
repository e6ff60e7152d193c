using Posthorn.Db;
using Xunit;

namespace Posthorn.Store.Tests;

/// <summary>The databases that every test of the store runs on.</summary>
public static class Cluster
{
    public static TheoryData<DatabaseKind> Kinds => [DatabaseKind.Sqlite, DatabaseKind.Postgres];
}
