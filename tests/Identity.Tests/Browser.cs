using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace Posthorn.Identity.Tests;

internal sealed record Answer(HttpStatusCode Status, string Text, HttpResponseHeaders Headers, string? MediaType)
{
    public string? Location => Headers.Location?.ToString();

    public string Title => Regex.Match(Text, "<title>(.*?)</title>").Groups[1].Value;

    public Answer Is(HttpStatusCode status)
    {
        Assert.True(status == Status, $"{(int)Status} {Location} {Text}");
        return this;
    }

    public Answer GoesTo(string location)
    {
        Is(HttpStatusCode.SeeOther);
        Assert.Equal(location, Location);
        return this;
    }

    public Answer Says(string text)
    {
        Assert.Contains(text, Text, StringComparison.Ordinal);
        return this;
    }
}

/// <summary>Does what a browser does with pages: keeps cookies, sends forms as they stand in the page, says where they come from.</summary>
internal sealed partial class Browser : IDisposable
{
    private readonly CookieContainer _cookies = new();
    private readonly HttpClient _http;

    public Browser(Uri address)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = _cookies };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        _http = new HttpClient(handler) { BaseAddress = address };
        _http.DefaultRequestHeaders.Add("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        _http.DefaultRequestHeaders.Add("Accept", "text/html,*/*;q=0.8");
    }

    public HttpClient Http => _http;

    public string Origin => _http.BaseAddress!.GetLeftPart(UriPartial.Authority);

    public string? Cookie(string name) => _cookies.GetCookies(_http.BaseAddress!).FirstOrDefault(c => c.Name == name)?.Value;

    public void SetCookie(string name, string value) =>
        _cookies.Add(_http.BaseAddress!, new System.Net.Cookie(name, value, "/") { Secure = _http.BaseAddress!.Scheme == "https" });

    public Task<Answer> GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

    /// <summary>Opens the page, fills in its form for the action (by default the page itself), and sends it.</summary>
    public async Task<Answer> SubmitAsync(string page, IReadOnlyDictionary<string, string>? fields = null, string? action = null)
    {
        var shown = await GetAsync(page);
        return await SubmitAsync(shown, action ?? page.Split('?')[0], fields);
    }

    public Task<Answer> SubmitAsync(Answer shown, string action, IReadOnlyDictionary<string, string>? fields = null)
    {
        var values = Hidden(shown.Text, action);
        foreach (var (name, value) in fields ?? new Dictionary<string, string>()) values[name] = value;
        return PostAsync(action, values);
    }

    public Task<Answer> PostAsync(string path, IEnumerable<KeyValuePair<string, string>> fields, Action<HttpRequestMessage>? change = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(fields) };
        request.Headers.Add("Origin", Origin);
        request.Headers.Add("Sec-Fetch-Site", "same-origin");
        change?.Invoke(request);
        return SendAsync(request);
    }

    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await _http.SendAsync(request);
            return new Answer(
                response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers, response.Content.Headers.ContentType?.MediaType);
        }
    }

    public async Task<Browser> LogInAsync(string name = TestHost.Ann, string password = TestHost.Password)
    {
        (await TryLogInAsync(name, password)).GoesTo("/account");
        return this;
    }

    public Task<Answer> TryLogInAsync(string name, string password) =>
        SubmitAsync("/log-in", new Dictionary<string, string> { ["name"] = name, ["password"] = password });

    public void Dispose() => _http.Dispose();

    /// <summary>The hidden fields of the page's form with this action.</summary>
    public static Dictionary<string, string> Hidden(string page, string action)
    {
        foreach (Match form in FormMarkup().Matches(page))
        {
            if (WebUtility.HtmlDecode(form.Groups[1].Value) != action) continue;
            return HiddenField().Matches(form.Groups[2].Value)
                .GroupBy(m => m.Groups[1].Value)
                .ToDictionary(g => g.Key, g => WebUtility.HtmlDecode(g.First().Groups[2].Value));
        }
        throw new InvalidOperationException($"the page has no form for {action}: {page}");
    }

    [GeneratedRegex("<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", RegexOptions.Singleline)]
    private static partial Regex FormMarkup();

    [GeneratedRegex("<input type=\"hidden\" name=\"([^\"]*)\" value=\"([^\"]*)\">")]
    private static partial Regex HiddenField();
}
