using System.Text;

namespace Posthorn.Db;

/// <summary>Brings a database to the newest step of every room, in one transaction, or refuses one that is ahead of this program.</summary>
internal static class Migrations
{
    /// <summary>Runs inside the caller's transaction; returns the number of steps applied.</summary>
    public static int Apply(Snapshot tx, IReadOnlyList<Schema> schemas, string database, DateTimeOffset now, Action<string> run)
    {
        var applied = 0;
        foreach (var schema in schemas)
        {
            var done = tx.Prepare("SELECT MAX(step) FROM migration WHERE room = $1").Bind(schema.Room).Scalar() ?? 0;
            if (done > schema.Steps.Count)
            {
                throw new DatabaseUnavailableException(
                    DatabaseFault.NewerVersion,
                    $"{database} was written by a newer release: its {schema.Room} tables are at step {done}, "
                    + $"this program knows {schema.Steps.Count}. Start the newer release, or restore a backup");
            }

            for (var step = (int)done; step < schema.Steps.Count; step++)
            {
                foreach (var statement in Split(schema.Steps[step], tx.Kind)) run(statement);
                CrashPoints.Pass(CrashPoints.MidMigration);
                tx.Prepare("INSERT INTO migration (room, step, applied_at) VALUES ($1, $2, $3)")
                    .Bind(schema.Room).Bind(step + 1L).Bind(now.ToUnixTimeMilliseconds()).Execute();
                applied++;
            }
        }

        return applied;
    }

    /// <summary>
    /// A statement ends with a semicolon at the end of its line; "-- sqlite" or "-- postgres" on the line before keeps it for
    /// that database.
    /// </summary>
    internal static List<string> Split(string step, DatabaseKind kind)
    {
        var statements = new List<string>();
        var current = new StringBuilder();
        DatabaseKind? only = null;
        foreach (var line in step.Split('\n'))
        {
            var trimmed = line.Trim();
            if (trimmed.Length == 0) continue;
            if (trimmed.StartsWith("--", StringComparison.Ordinal))
            {
                if (trimmed.Equals("-- sqlite", StringComparison.OrdinalIgnoreCase)) only = DatabaseKind.Sqlite;
                if (trimmed.Equals("-- postgres", StringComparison.OrdinalIgnoreCase)) only = DatabaseKind.Postgres;
                continue;
            }

            current.Append(line).Append('\n');
            if (trimmed[^1] == ';') End();
        }

        End();
        return statements;

        void End()
        {
            var text = current.ToString().TrimEnd().TrimEnd(';');
            if (text.Length > 0 && (only is null || only == kind)) statements.Add(text);
            current.Clear();
            only = null;
        }
    }
}
