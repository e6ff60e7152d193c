using Microsoft.AspNetCore.Http;

namespace Posthorn.Identity;

/// <summary>Who may enter a page.</summary>
internal enum Entry
{
    /// <summary>Everybody.</summary>
    Anyone,

    /// <summary>Somebody who has given a password and owes a second factor.</summary>
    Halfway,

    /// <summary>Somebody who is logged in; everybody else logs in and comes back.</summary>
    Person,

    /// <summary>Somebody who logged in lately, with all factors that the account has; everybody else does so and comes back.</summary>
    Fresh,

    /// <summary>A program, which proves by itself who it is: no cookie is looked at and no form of ours is expected.</summary>
    Program,
}

/// <summary>One thing that is answered.</summary>
/// <param name="Method"><c>GET</c> (HEAD is answered like it) or <c>POST</c>.</param>
/// <param name="Path">As <c>/account/sessions</c>; a last part <c>{key}</c> stands for any.</param>
internal sealed record Route(string Method, string Path, Entry Entry, Func<Visit, Task> RunAsync)
{
    private const string Parameter = "/{key}";

    private readonly string? _before = Path.EndsWith(Parameter, StringComparison.Ordinal) ? Path[..^(Parameter.Length - 1)] : null;

    public static Route Get(string path, Entry entry, Func<Visit, Task> run) => new("GET", path, entry, run);

    public static Route Post(string path, Entry entry, Func<Visit, Task> run) => new("POST", path, entry, run);

    public bool Answers(string method) => method == Method || (HttpMethods.IsHead(method) && Method == "GET");

    /// <param name="key">What stands for the parameter.</param>
    public bool Matches(string path, out string key)
    {
        key = "";
        if (_before is null) return path == Path;
        if (path.Length <= _before.Length || !path.StartsWith(_before, StringComparison.Ordinal)) return false;
        key = path[_before.Length..];
        return !key.Contains('/', StringComparison.Ordinal);
    }
}
