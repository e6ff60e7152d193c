using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

internal abstract class PostgresDatabase
{
    public static Task<Database> OpenAsync(
        DatabaseSettings settings, IReadOnlyList<Schema> schemas, TimeProvider time, ILogger log, CancellationToken ct) => throw new NotSupportedException();
}
