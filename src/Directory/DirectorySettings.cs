namespace Posthorn.Directory;

/// <summary>What the operator decides about log-ins; the defaults are what a server on the Internet wants.</summary>
public sealed record DirectorySettings
{
    /// <summary>Passwords in the clear are accepted from this machine itself (contract: [auth] allow_plaintext_on_loopback).</summary>
    public bool AllowPlaintextOnLoopback { get; init; }

    /// <summary>Loopback clients are throttled like everybody else ([limits] loopback).</summary>
    public bool ThrottleLoopback { get; init; }

    public Argon2Cost PasswordCost { get; init; } = Argon2Cost.Default;

    /// <summary>The file or folder of stolen passwords that are not taken; null for none.</summary>
    public string? BreachedPasswords { get; init; }

    /// <summary>Memory that all password hashes under way may use together.</summary>
    public int PasswordMemoryKiBMax { get; init; } = 64 * 1024;

    /// <summary>What an account may send in a day, unless it has limits of its own.</summary>
    public SendingLimits Sending { get; init; } = SendingLimits.Default;

    /// <summary>How long a removed account can be restored.</summary>
    public TimeSpan RemovalGrace { get; init; } = TimeSpan.FromDays(30);
}

/// <summary>The price of one guess (RFC 9106 §4). One lane, as libsodium has it.</summary>
public readonly record struct Argon2Cost(int MemoryKiB, int Passes)
{
    /// <summary>19 MiB and 2 passes, the smallest of the settings that OWASP names: about 20 ms here, so log-ins do not starve mail.</summary>
    public static Argon2Cost Default => new(19 * 1024, 2);
}
