namespace Posthorn.Db;

/// <summary>
/// The named places where tests/Crash ends the process, to prove what docs/storage.md says of each. Production never sets the
/// hook, so each place costs one test of a field for null.
/// </summary>
internal static class CrashPoints
{
    public const string BeforeBlobSync = "before-blob-sync";
    public const string AfterBlobSync = "after-blob-sync";
    public const string BeforeCommit = "before-commit";
    public const string AfterCommit = "after-commit";
    public const string MidCheckpoint = "mid-checkpoint";
    public const string MidCompaction = "mid-compaction";
    public const string MidMigration = "mid-migration";

    public static Action<string>? Hook { get; set; }

    public static void Pass(string name) => Hook?.Invoke(name);
}
