using Microsoft.AspNetCore.Http;

namespace Posthorn.Identity;

/// <summary>
/// The page that a person wanted before the log-in came between. Only a GET page of the table can be one, so that no link of somebody else
/// leads from our log-in to another place.
/// </summary>
internal readonly record struct ReturnTarget
{
    public const string Field = "next";

    private readonly string? _target;

    private ReturnTarget(string target) => _target = target;

    /// <summary>The overview of the account, where nothing else was wanted.</summary>
    public static ReturnTarget Default => new(OverviewPage.Path);

    /// <summary>A path with its query, safe to redirect to.</summary>
    public override string ToString() => _target ?? OverviewPage.Path;

    public bool IsDefault => ToString() == OverviewPage.Path;

    /// <summary>The address of a page that comes first and then leads back.</summary>
    public string After(string path) => IsDefault ? path : $"{path}?{Field}={Uri.EscapeDataString(ToString())}";

    /// <summary>What the query or the form names; the default for everything that is no page of ours.</summary>
    public static ReturnTarget From(HttpRequest request, Form form)
    {
        var text = form.Has(Field) ? form[Field] : request.Query[Field].ToString();
        return TryParse(text, out var target) ? target : Default;
    }

    /// <summary>The page that is asked for now; for a form, the page that has it.</summary>
    public static ReturnTarget Of(Route route, HttpRequest request)
    {
        var path = request.PathBase.Add(request.Path).ToUriComponent();
        var text = HttpMethods.IsPost(request.Method) ? path : path + request.QueryString.ToUriComponent();
        return route.Entry != Entry.Halfway && TryParse(text, out var target) ? target : Default;
    }

    internal static bool TryParse(string text, out ReturnTarget target)
    {
        target = default;
        // RFC 3986 §4.2: "//host" is an address of another host, and browsers read "\" as "/". What is left is a path from our root, in
        // characters that no reader takes for anything else.
        if (text.Length is 0 or > IdentityLimits.ReturnTargetCharactersMax || text[0] != '/') return false;
        if (text.Length > 1 && text[1] == '/') return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !"-._~%!$&'()*+,;=:@/?".Contains(c, StringComparison.Ordinal)) return false;
        }
        var path = text.Split('?')[0];
        var route = Routes.Find("GET", path, out _, out _);
        if (route is null || route.Entry is Entry.Halfway or Entry.Program || path.StartsWith(LogInPage.Path, StringComparison.Ordinal)) return false;
        target = new ReturnTarget(text);
        return true;
    }
}
