using System.Globalization;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>One request that has been let in.</summary>
/// <param name="Key">What stands in the path for its parameter, decoded; empty for a path without one.</param>
internal sealed record Call(HttpContext Http, AdminParts Parts, Authority By, string Key)
{
    public CancellationToken Ct => Http.RequestAborted;

    /// <exception cref="RefusalException">The key of the path is none.</exception>
    public Domain KeyDomain() => ToDomain(Key);

    /// <exception cref="RefusalException">The key of the path is none.</exception>
    public EmailAddress KeyAddress() => ToAddress(Key);

    /// <exception cref="RefusalException">The key of the path is none.</exception>
    public long KeyNumber() => long.TryParse(Key, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new RefusalException(new Refusal(RefusalKind.NotFound, $"'{Printable(Key)}' is not a number"));

    /// <summary>A parameter of the query; none when it is not there.</summary>
    public string? Query(QueryParameter parameter) => Http.Request.Query.TryGetValue(parameter.Name, out var values) ? values[^1] : null;

    /// <summary>The one domain that a list is asked for.</summary>
    public Domain? QueryDomain() => Query(QueryParameter.Domain) is { } text ? ToDomain(text) : null;

    public int QueryLimit()
    {
        if (Query(QueryParameter.Limit) is not { } text) return AdminLimits.PageItemsDefault;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is > 0 and <= AdminLimits.PageItemsMax
            ? limit
            : throw Invalid($"limit must be 1 to {AdminLimits.PageItemsMax}");
    }

    public static Domain ToDomain(string text) =>
        Domain.TryParse(text, out var domain) ? domain : throw Invalid($"'{Printable(text)}' is not a domain name");

    public static EmailAddress ToAddress(string text) =>
        EmailAddress.TryParse(text, out var address) ? address : throw Invalid($"'{Printable(text)}' is not an e-mail address");

    public static string ToName(string name) => name.Length <= AdminLimits.NameCharactersMax && !name.Any(char.IsControl)
        ? name
        : throw Invalid($"a name has at most {AdminLimits.NameCharactersMax} characters and no control characters");

    public static RefusalException Invalid(string text) => new(new Refusal(RefusalKind.Invalid, text));

    // A refusal is one line, and safe to show.
    private static string Printable(string text) =>
        string.Concat((text.Length > 80 ? text[..80] + "…" : text).Select(c => char.IsControl(c) ? '?' : c));
}
