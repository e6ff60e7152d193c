namespace Posthorn.Identity;

/// <summary>What one request may ask for; docs/limits.md lists these by name.</summary>
internal static class IdentityLimits
{
    /// <summary>The longest form that a page has fits many times.</summary>
    public const int FormOctetsMax = 64 * 1024;

    public const int FormFieldsMax = 100;

    /// <summary>Of the address that a person is sent to after a log-in.</summary>
    public const int ReturnTargetCharactersMax = 4096;

    /// <summary>So long after a log-in, what needs a fresh one can be opened.</summary>
    public static readonly TimeSpan FreshTime = TimeSpan.FromMinutes(10);

    /// <summary>So long after a log-in, a form can be sent that was opened in time.</summary>
    public static readonly TimeSpan FreshForFormTime = TimeSpan.FromMinutes(30);
}
