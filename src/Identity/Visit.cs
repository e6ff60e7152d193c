using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary>One request that the dispatch has let in to a page.</summary>
/// <param name="Key">What stands in the path for its parameter.</param>
/// <param name="Login">The session that the browser showed; not null and whole where the route's <see cref="Entry"/> says so.</param>
/// <param name="Form">What was sent, checked to come from our own page; empty for a GET.</param>
internal sealed record Visit(
    HttpContext Http, IdentityParts Parts, SessionDoor Door, ILogger Log, Route Route, string Key, WebLogin? Login, Form Form)
{
    public CancellationToken Ct => Http.RequestAborted;

    public MailDirectory Directory => Parts.Directory;

    public ReturnTarget Next => ReturnTarget.From(Http.Request, Form);

    /// <summary>Who is logged in, on pages that only such people enter.</summary>
    public Account Account => Login!.Account;

    public WebSession Session => Login!.Session;

    /// <summary>Somebody is logged in with all factors.</summary>
    public bool IsLoggedIn => Login is { Session.IsWhole: true };

    /// <summary>What this person may change about the own account.</summary>
    public Authority Self => Authority.OverEverything(Account.Address.ToString());

    public LoginContext Context => new(LoginContext.Web, Http.Connection.RemoteIpAddress, Http.Request.IsHttps);

    /// <summary>The query has this word, which says what has just been done.</summary>
    public bool Has(string word) => Http.Request.Query.ContainsKey(word);

    public string Query(string name) => Http.Request.Query[name].ToString();

    /// <summary>The hidden fields that every form of ours has.</summary>
    /// <param name="path">Where the form is sent to.</param>
    public Html FormFields(string path) => Html.Of($"""
        <input type="hidden" name="{FormToken.Field}" value="{FormToken.Of(Http, path)}">
        """);

    /// <summary>The hidden field that carries the page to come back to.</summary>
    public Html NextField() => Next.IsDefault ? default : Html.Of($"""
        <input type="hidden" name="{ReturnTarget.Field}" value="{Next.ToString()}">
        """);

    public Task ShowAsync(Page page) => PageShell.WriteAsync(Http, Parts, page, this);

    /// <summary>RFC 9110 §15.4.4: what comes next is read with GET.</summary>
    public Task GoAsync(string path)
    {
        PageShell.Redirect(Http, path);
        return Task.CompletedTask;
    }

    /// <summary>Logs the browser in and goes on to what was wanted, or first to what is still to be proven; or shows why not.</summary>
    public async Task LogInAsync(AccountId account, Proven proven)
    {
        var begun = await Door.BeginAsync(Http, account, proven, Login);
        if (begun.Ok) await GoAsync(proven.IsWhole ? Next.ToString() : Next.After(SecondStepPage.Path));
        else await ShowAsync(ErrorPages.Refused(begun.Refusal!));
    }

    /// <summary>The session goes on with a further proof, and to what was wanted.</summary>
    public async Task ProveAsync(LoginMethods methods)
    {
        var renewed = await Door.RenewAsync(Http, Session, methods);
        if (renewed.Ok) await GoAsync(Next.ToString());
        else await ShowAsync(ErrorPages.Refused(renewed.Refusal!));
    }
}

/// <summary>A page as it is shown.</summary>
internal sealed record Page(string Title, Html Content)
{
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>One narrow column, as for a log-in.</summary>
    public bool IsNarrow { get; init; }

    /// <summary>Runs after the page is there; nothing else can run.</summary>
    public Html Script { get; init; }

    /// <summary>Another origin that a form of the page may lead to by a redirect, as <c>https://client.example</c>; null for none.</summary>
    public string? FormOrigin { get; init; }
}
