using System.Net;
using System.Text;
using System.Xml.Linq;
using Xunit;

namespace Posthorn.Admin.Tests;

public sealed class ClientSetupTests : IAsyncLifetime
{
    private TestHost _host = null!;
    private HttpClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await TestHost.StartAsync();
        await _host.AccountAsync("ann@example.test");
        _client = _host.Plain();
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return _host.DisposeAsync();
    }

    [Theory]
    [InlineData("/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=ann@example.test", null)]
    [InlineData("/mail/config-v1.1.xml?emailaddress=nobody@example.test", null)]
    [InlineData("/mail/config-v1.1.xml", "autoconfig.example.test")]
    public async Task Thunderbird_finds_its_servers(string path, string? host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (host is not null) request.Headers.Host = host;
        using var answer = await _client.SendAsync(request, Cancelled);
        var document = XDocument.Parse(await answer.Content.ReadAsStringAsync(Cancelled));
        var provider = document.Root!.Element("emailProvider")!;
        Assert.Equal("example.test", provider.Element("domain")!.Value);
        var imap = provider.Elements("incomingServer").First();
        Assert.Equal(
            ("imap", "mail.example.test", "993", "SSL", "%EMAILADDRESS%"),
            (imap.Attribute("type")!.Value, imap.Element("hostname")!.Value, imap.Element("port")!.Value, imap.Element("socketType")!.Value,
                imap.Element("username")!.Value));
        Assert.Equal("465", provider.Elements("outgoingServer").First().Element("port")!.Value);
    }

    [Fact]
    public async Task Outlook_finds_its_servers_by_a_question_in_xml()
    {
        using var answer = await AskAsync("/Autodiscover/Autodiscover.xml", Question("ann@example.test"));
        var document = XDocument.Parse(await answer.Content.ReadAsStringAsync(Cancelled));
        XNamespace settings = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
        var imap = document.Descendants(settings + "Protocol").First();
        Assert.Equal(
            ("IMAP", "993", "ann@example.test", "on"),
            (imap.Element(settings + "Type")!.Value, imap.Element(settings + "Port")!.Value, imap.Element(settings + "LoginName")!.Value,
                imap.Element(settings + "SSL")!.Value));
    }

    [Theory]
    [InlineData("ann@elsewhere.test")]
    [InlineData("ann")]
    public async Task Nobody_elses_domain_is_answered_for(string address)
    {
        using var outlook = await AskAsync("/autodiscover/autodiscover.xml", Question(address));
        Assert.Equal(HttpStatusCode.NotFound, outlook.StatusCode);
        foreach (var path in new[] { "/mail/config-v1.1.xml", "/mail/apple.mobileconfig" })
        {
            using var answer = await _client.GetAsync(new Uri($"{path}?emailaddress={address}", UriKind.Relative), Cancelled);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("<Autodiscover><Request>")]
    [InlineData("<!DOCTYPE a [<!ENTITY b \"ann@example.test\">]><a><EMailAddress>&b;</EMailAddress></a>")]
    public async Task What_is_no_question_is_answered_with_nothing(string body)
    {
        using var answer = await AskAsync("/autodiscover/autodiscover.xml", body);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task A_question_without_end_is_not_read_to_it()
    {
        var spaces = new string(' ', ClientSetup.QuestionOctetsMax);
        var endless = Question("ann@example.test").Replace("<EMail", spaces + "<EMail", StringComparison.Ordinal);
        using var answer = await AskAsync("/autodiscover/autodiscover.xml", endless);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Apples_profile_holds_everything_but_the_password()
    {
        var path = new Uri("/mail/apple.mobileconfig?emailaddress=ann%2Bx@example.test", UriKind.Relative);
        using var answer = await _client.GetAsync(path, Cancelled);
        Assert.Equal("application/x-apple-aspen-config", answer.Content.Headers.ContentType!.MediaType);
        var text = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Contains("<key>IncomingMailServerPortNumber</key><integer>993</integer>", text, StringComparison.Ordinal);
        Assert.Contains("<key>EmailAddress</key><string>ann+x@example.test</string>", text, StringComparison.Ordinal);
        Assert.DoesNotContain("IncomingPassword</key><string>", text, StringComparison.Ordinal);
        Assert.Equal(text, await _client.GetStringAsync(path, Cancelled));
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static string Question(string address) => $"""
        <?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>
        <EMailAddress>{address}</EMailAddress>
        <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
        </Request></Autodiscover>
        """;

    private async Task<HttpResponseMessage> AskAsync(string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "text/xml");
        return await _client.PostAsync(new Uri(path, UriKind.Relative), content, Cancelled);
    }
}
