namespace Posthorn.Interop;

/// <summary>Log-in by client certificate, shown by curl and issued by openssl.</summary>
public sealed class ExternalTests : IAsyncLifetime
{
    private readonly PosthornServer _server = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("external-").FullName;

    public async ValueTask InitializeAsync()
    {
        await OpenSslAsync("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Ours", "-days", "9", "-keyout", "ca.key", "-out", "ca.pem");
        _server.Settings["POSTHORN_TLS_CLIENT_AUTHORITIES_FILE"] = Path.Combine(_folder, "ca.pem");
        await _server.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Curl_submits_without_a_password()
    {
        var person = await _server.AddPersonAsync();
        await IssueAsync(person.Address);
        var outcome = await CurlAsync(person, "--cert", Path.Combine(_folder, "client.pem"), "--key", Path.Combine(_folder, "client.key"));
        outcome.Require();
        var mailbox = await Peer.PythonAsync("read_mailbox.py", $"{_server.Imap}", person.Address, person.Password, "INBOX");
        Assert.Contains(" with ESMTPSA", mailbox.Require(), StringComparison.Ordinal);
        Assert.NotEqual(0, (await CurlAsync(person)).Status);
    }

    private Task<Outcome> CurlAsync(Person person, params string[] options) => Peer.RunAsync(
        "curl",
        [
            "-sSk", "--crlf", "--url", $"smtps://127.0.0.1:{_server.Submissions}/client.test", "--mail-from", person.Address, "--mail-rcpt",
            person.Address, "--user", person.Address + ":", "--login-options", "AUTH=EXTERNAL", "-T", "-", .. options,
        ],
        $"From: {person.Address}\nSubject: By certificate\n\nWords\n");

    private async Task IssueAsync(string address)
    {
        var extensions = Path.Combine(_folder, "extensions");
        await File.WriteAllTextAsync(
            extensions, $"subjectAltName=email:{address}\nextendedKeyUsage=clientAuth\n", TestContext.Current.CancellationToken);
        await OpenSslAsync("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Person", "-keyout", "client.key", "-out", "client.csr");
        await OpenSslAsync(
            "x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "9", "-extfile", "extensions",
            "-out", "client.pem");
    }

    // openssl writes where it stands.
    private async Task OpenSslAsync(params string[] arguments)
    {
        string[] files = ["ca.key", "ca.pem", "client.key", "client.csr", "client.pem", "extensions"];
        (await Peer.RunAsync("openssl", arguments.Select(word => files.Contains(word) ? Path.Combine(_folder, word) : word))).Require();
    }
}
