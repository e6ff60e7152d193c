namespace Posthorn.Admin;

/// <summary>What one request may ask for; docs/limits.md lists these by name.</summary>
internal static class AdminLimits
{
    /// <summary>An alias with all its targets fits.</summary>
    public const int BodyOctetsMax = 256 * 1024;

    public const int PageItemsMax = 1000;

    public const int PageItemsDefault = 100;

    /// <summary>Destinations that metrics name.</summary>
    public const int MetricDestinationsMax = 20;

    public const int TokenLifetimeDaysMax = 3650;

    public const long BanSecondsMax = 10L * 365 * 86_400;

    public const int NameCharactersMax = 200;

    public static readonly TimeSpan ReadinessTimeout = TimeSpan.FromSeconds(5);

    public static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(200);
}
