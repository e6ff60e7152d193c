using Microsoft.AspNetCore.Http;
using Posthorn.Core;

namespace Posthorn.Identity;

/// <summary>What is shown when there is nothing else to show: what is wrong, and what to do.</summary>
internal static class ErrorPages
{
    public static Page Nothing { get; } = Of(
        StatusCodes.Status404NotFound,
        "There is nothing here",
        Html.Of($"""The address leads nowhere on this server. <a href="/">The settings for mail programs</a> are on the first page."""));

    public static Page WrongMethod { get; } = Of(
        StatusCodes.Status405MethodNotAllowed,
        "This page is not opened like that",
        Html.Of($"""Go to <a href="/account">your account</a> instead."""));

    public static Page InTheClear { get; } = Of(
        StatusCodes.Status403Forbidden,
        "This connection is not encrypted",
        Html.Of($"Others could read along. Open this page with <strong>https://</strong> in front."));

    public static Page ForeignForm { get; } = Of(
        StatusCodes.Status403Forbidden,
        "The form could not be taken",
        Html.Of($"""
            It was too old, the browser keeps no cookies for this page, or it was sent by another site. Nothing was changed.
            <a href="/account">Go to your account</a> and try again.
            """));

    public static Page Unavailable { get; } = Of(
        StatusCodes.Status503ServiceUnavailable, "Not now", Html.Of($"The server cannot do this at the moment. Please try again in a minute."));

    public static Page Mistake { get; } = Of(
        StatusCodes.Status500InternalServerError,
        "The server made a mistake",
        Html.Of($"Its log says which. Nothing was changed by half. Please try again, and tell your administrator if it happens again."));

    public static Page Unreadable(int status) => Of(
        status,
        "The request could not be read",
        Html.Of($"It was too long or broken off. <a href=\"/account\">Go to your account</a> and try again."));

    public static Page Refused(Refusal refusal) => Of(StatusOf(refusal.Kind), "That was refused", Html.Of($"{Fields.Sentence(refusal.Text)}"));

    /// <summary>RFC 9110 §15 for what the directory refuses.</summary>
    public static int StatusOf(RefusalKind kind) => kind switch
    {
        RefusalKind.NotFound => StatusCodes.Status404NotFound,
        RefusalKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
        RefusalKind.TooMany or RefusalKind.RateLimited => StatusCodes.Status429TooManyRequests,
        RefusalKind.AlreadyExists or RefusalKind.Conflict => StatusCodes.Status409Conflict,
        RefusalKind.Invalid => StatusCodes.Status422UnprocessableEntity,
        RefusalKind.TemporarilyUnavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status403Forbidden,
    };

    private static Page Of(int status, string title, Html text) => new(
        title,
        Html.Of($"""
            <h1>{title}</h1>
            <p class="lead">{text}</p>
            """))
    {
        Status = status,
        IsNarrow = true,
    };
}
