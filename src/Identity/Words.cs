using System.Globalization;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary>Times and names as people read them.</summary>
internal static class Words
{
    /// <summary>As "5 minutes ago", with the exact time to hover over and for programs.</summary>
    public static Html Ago(DateTimeOffset time, DateTimeOffset now)
    {
        var exact = time.UtcDateTime.ToString("d MMMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture);
        var machine = time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        return Html.Of($"<time datetime=\"{machine}\" title=\"{exact}\">{Rough(now - time, exact)}</time>");
    }

    public static string Day(DateTimeOffset time) => time.UtcDateTime.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);

    public static string Count(int number, string one, string many) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {(number == 1 ? one : many)}");

    /// <summary>What a browser says of itself, in two words; the whole is too long to read and as true.</summary>
    public static string Browser(string agent)
    {
        var browser = First(agent, ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"),
            ("Chrome/", "Chrome"), ("Chromium/", "Chromium"), ("Safari/", "Safari"), ("curl/", "curl"));
        var system = First(agent, ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
            ("CrOS", "ChromeOS"), ("Linux", "Linux"));
        return (browser, system) switch
        {
            (null, null) => "Unknown browser",
            (null, _) => "Browser on " + system,
            (_, null) => browser,
            _ => $"{browser} on {system}",
        };
    }

    public static string Protocol(string name) => name switch
    {
        "web" => "Browser",
        "submission" or "submissions" or "smtp" => "Sending (SMTP)",
        "pop3" => "POP3",
        _ => name.ToUpperInvariant(),
    };

    public static string Methods(LoginMethods methods)
    {
        var names = new List<string>();
        if (methods.HasFlag(LoginMethods.Password)) names.Add("password");
        if (methods.HasFlag(LoginMethods.Passkey)) names.Add("passkey");
        if (methods.HasFlag(LoginMethods.Totp)) names.Add("code of an authenticator");
        if (methods.HasFlag(LoginMethods.RecoveryCode)) names.Add("recovery code");
        if (methods.HasFlag(LoginMethods.Provider)) names.Add("identity provider");
        if (methods.HasFlag(LoginMethods.Link)) names.Add("one-time link");
        return names.Count == 0 ? "nothing" : string.Join(" and ", names);
    }

    private static string Rough(TimeSpan ago, string exact) => ago switch
    {
        { TotalMinutes: < 2 } => "just now",
        { TotalMinutes: < 90 } => Count((int)ago.TotalMinutes, "minute", "minutes") + " ago",
        { TotalHours: < 36 } => Count((int)Math.Round(ago.TotalHours), "hour", "hours") + " ago",
        { TotalDays: < 14 } => Count((int)Math.Round(ago.TotalDays), "day", "days") + " ago",
        _ => exact.Split(',')[0],
    };

    private static string? First(string agent, params (string Sign, string Name)[] signs) =>
        signs.FirstOrDefault(sign => agent.Contains(sign.Sign, StringComparison.Ordinal)).Name;
}
