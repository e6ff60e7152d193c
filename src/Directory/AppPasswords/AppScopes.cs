namespace Posthorn.Directory;

/// <summary>What an app password opens. The numbers are stored.</summary>
[Flags]
public enum AppScopes
{
    None = 0,
    Imap = 1,
    Pop3 = 2,

    /// <summary>Submission.</summary>
    Smtp = 4,

    Sieve = 8,
    CalDav = 16,
    CardDav = 32,

    /// <summary><c>eas</c>.</summary>
    ActiveSync = 64,

    Jmap = 128,
    All = 255,
}

/// <summary>The names of scopes, as the command line, the API and <see cref="LoginContext.Protocol"/> write them.</summary>
public static class AppScopeNames
{
    private static readonly (string Name, AppScopes Scope)[] Names =
    [
        ("imap", AppScopes.Imap), ("pop3", AppScopes.Pop3), ("smtp", AppScopes.Smtp), ("sieve", AppScopes.Sieve), ("caldav", AppScopes.CalDav),
        ("carddav", AppScopes.CardDav), ("eas", AppScopes.ActiveSync), ("jmap", AppScopes.Jmap),
    ];

    public static IReadOnlyList<string> All { get; } = [.. Names.Select(static one => one.Name)];

    public static bool TryParse(string name, out AppScopes scope)
    {
        scope = Names.FirstOrDefault(one => one.Name == name).Scope;
        return scope != AppScopes.None;
    }

    public static IReadOnlyList<string> Of(AppScopes scopes) =>
        [.. Names.Where(one => scopes.HasFlag(one.Scope)).Select(static one => one.Name)];
}
