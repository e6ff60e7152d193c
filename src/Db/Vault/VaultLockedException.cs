namespace Posthorn.Db;

/// <summary>The root key file does not hold what the vault needs, or cannot be used. Nothing is lost: with the right file it opens again.</summary>
public sealed class VaultLockedException : Exception
{
    internal VaultLockedException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    internal VaultLockedException(IReadOnlyList<string> missing, RootKeys roots)
        : base($"The vault's secrets are sealed under root key {string.Join(", ", missing)}, and {roots.Contents}. "
            + "Put the file with that key back; a backup of the database does not contain it")
    {
    }
}
