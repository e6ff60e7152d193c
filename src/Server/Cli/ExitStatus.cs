namespace Posthorn.Server;

/// <summary>How a command ends.</summary>
internal static class ExitStatus
{
    public const int Done = 0;

    /// <summary>Refused or failed; one clear line on stderr says why.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage.</summary>
    public const int Usage = 2;
}
