using System.Security.Cryptography;
using System.Text.Json;

namespace Posthorn.Interop;

/// <summary>
/// Signatures and chains, both ways, with opendkim, dkimpy and mailauth: what Posthorn's command line signs the others verify, and what they sign it
/// verifies.
/// </summary>
public sealed class TrustTests : IAsyncLifetime
{
    private const string Domain = "example.org";

    private const string Message =
        "From: Joe <joe@example.org>\r\nTo: Suzie <suzie@shopping.test>\r\nSubject: Is  dinner ready?\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\n" +
        "Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n" +
        "Content-Type: text/plain; charset=us-ascii\r\n\r\nHi.\r\n\r\nWe lost  the game. \r\n\r\n\r\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("trust-").FullName;
    private readonly PosthornServer _server = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        using var rsa = RSA.Create(2048);
        await File.WriteAllTextAsync(KeyOf("rsa"), rsa.ExportPkcs8PrivateKeyPem() + "\n");
        (await Peer.RunAsync("openssl", ["genpkey", "-algorithm", "ED25519", "-out", KeyOf("ed")])).Require();
        var edPublic =
            (await Peer.RunAsync("bash", ["-c", $"openssl pkey -in {KeyOf("ed")} -pubout -outform DER | tail -c 32 | base64 -w0"])).Require();
        var records = new Dictionary<string, string>
        {
            [$"rsa._domainkey.{Domain}"] = "v=DKIM1; k=rsa; p=" + Convert.ToBase64String(rsa.ExportSubjectPublicKeyInfo()),
            [$"ed._domainkey.{Domain}"] = "v=DKIM1; k=ed25519; p=" + edPublic,
        };
        await File.WriteAllLinesAsync(Path.Combine(_folder, "records"), records.Select(record => $"{record.Key} {record.Value}"));
        await File.WriteAllLinesAsync(Path.Combine(_folder, "zone"), records.Select(record =>
            $"{record.Key}. TXT {string.Join(' ', record.Value.Chunk(200).Select(part => $"\"{new string(part)}\""))}"));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("rsa")]
    [InlineData("ed")]
    public async Task What_posthorn_signs_verifies_with_dkimpy_mailauth_and_opendkim(string key)
    {
        var signed = await TrustAsync(Message, "sign", "--key-file", KeyOf(key), "--domain", Domain, "--selector", key);
        Assert.Equal("True", (await PythonAsync(signed, "verify", Records)).Trim());
        using (var mailauth = await MailauthAsync(signed)) Assert.Equal("pass", mailauth.RootElement.GetProperty("dkim")[0].GetString());
        var opendkim = await OpenDkimAsync(signed, "Mode v", $"TestDNSData file:{Records}");
        // It counts no bits of an Ed25519 key.
        Assert.EndsWith($"(s={key}, d={Domain}, {(key == "rsa" ? 2048 : 0)}-bit key) succeeded", opendkim.Trim(), StringComparison.Ordinal);
        Assert.Equal("pass", await ResultAsync(signed, "dkim"));
    }

    [Theory]
    [InlineData("rsa", "rsa-sha256", "relaxed/simple")]
    [InlineData("rsa", "rsa-sha256", "simple/simple")]
    [InlineData("rsa", "rsa-sha256", "simple/relaxed")]
    [InlineData("ed", "ed25519-sha256", "relaxed/relaxed")]
    public async Task What_dkimpy_signs_verifies_here(string key, string algorithm, string canonicalization)
    {
        var signed = await PythonAsync(Message, "sign", KeyOf(key), key, Domain, algorithm, canonicalization);
        Assert.Equal("pass", await ResultAsync(signed, "dkim"));
        Assert.Equal("fail", await ResultAsync(signed.Replace("lost", "won", StringComparison.Ordinal), "dkim"));
    }

    [Theory]
    [InlineData("rsa", "rsa-sha256", "relaxed/relaxed")]
    [InlineData("rsa", "rsa-sha256", "simple/simple")]
    [InlineData("ed", "ed25519-sha256", "relaxed/simple")]
    public async Task What_opendkim_signs_verifies_here(string key, string algorithm, string canonicalization)
    {
        var said = await OpenDkimAsync(
            Message, "Mode s", $"Domain {Domain}", $"Selector {key}", $"KeyFile {KeyOf(key)}", $"SignatureAlgorithm {algorithm}",
            $"Canonicalization {canonicalization}", "RequireSafeKeys no");
        var at = said.IndexOf("DKIM-Signature:", StringComparison.Ordinal);
        Assert.True(at >= 0, said);
        Assert.Equal("pass", await ResultAsync($"{said[at..].Trim().ReplaceLineEndings("\r\n")}\r\n{Message}", "dkim"));
    }

    [Theory]
    [InlineData("rsa")]
    [InlineData("ed")]
    public async Task What_mailauth_signs_verifies_here(string key)
    {
        var signed =
            (await Peer.RunAsync("node", [Path.Combine(Peer.Folder, "node", "mailauth.mjs"), "sign", KeyOf(key), key, Domain], Message)).Require();
        Assert.Equal("pass", await ResultAsync(signed, "dkim"));
    }

    [Fact]
    public async Task A_chain_that_posthorn_seals_passes_with_dkimpy_and_mailauth_and_goes_on()
    {
        var signed = await TrustAsync(Message, "sign", "--key-file", KeyOf("rsa"), "--domain", Domain, "--selector", "rsa");
        var sealedOnce = await TrustAsync(signed, "seal", "--key-file", KeyOf("rsa"), "--domain", Domain, "--selector", "rsa");
        Assert.StartsWith("pass", await PythonAsync(sealedOnce, "arc", Records), StringComparison.Ordinal);
        using (var mailauth = await MailauthAsync(sealedOnce)) Assert.Equal("pass", mailauth.RootElement.GetProperty("arc").GetString());

        var twice = await PythonAsync("Authentication-Results: lists.test; arc=pass; dkim=pass\r\n" + sealedOnce, "seal", KeyOf("rsa"), "rsa",
            Domain, "lists.test");
        Assert.Equal("pass", await ResultAsync(twice, "arc"));
        var thrice = await TrustAsync(twice, "seal", "--key-file", KeyOf("rsa"), "--domain", Domain, "--selector", "rsa");
        Assert.Contains("i=3", thrice, StringComparison.Ordinal);
        Assert.StartsWith("pass", await PythonAsync(thrice, "arc", Records), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chain_that_dkimpy_begins_passes_here_until_somebody_touches_it()
    {
        var begun = await PythonAsync("Authentication-Results: lists.test; arc=none; dkim=pass\r\n" + Message, "seal", KeyOf("rsa"), "rsa",
            Domain, "lists.test");
        Assert.Equal("pass", await ResultAsync(begun, "arc"));
        Assert.Equal("fail", await ResultAsync(begun.Replace("lost", "won", StringComparison.Ordinal), "arc"));
    }

    private string Records => Path.Combine(_folder, "records");

    private string KeyOf(string name) => Path.Combine(_folder, name + ".pem");

    private async Task<string> TrustAsync(string message, params string[] arguments) =>
        (await _server.CliAsync(["trust", .. arguments, "--zone-file", Path.Combine(_folder, "zone")], message)).Require();

    private async Task<string> ResultAsync(string message, string what)
    {
        using var json = JsonDocument.Parse(await TrustAsync(message, what, "--json"));
        return json.RootElement.GetProperty("result").GetString()!;
    }

    private static async Task<string> PythonAsync(string message, params string[] arguments) =>
        (await Peer.RunAsync("/usr/bin/python3", [Path.Combine(Peer.Folder, "python", "dkim_peer.py"), .. arguments], message)).Require();

    private async Task<JsonDocument> MailauthAsync(string message) => JsonDocument.Parse(
        (await Peer.RunAsync("node", [Path.Combine(Peer.Folder, "node", "mailauth.mjs"), "verify", Records], message)).Require());

    private async Task<string> OpenDkimAsync(string message, params string[] settings)
    {
        string configuration = Path.Combine(_folder, "opendkim.conf"), file = Path.Combine(_folder, "message");
        await File.WriteAllLinesAsync(configuration, settings, Cancelled);
        await File.WriteAllTextAsync(file, message, Cancelled);
        return (await Peer.RunAsync("opendkim", ["-x", configuration, "-t", file])).Require();
    }
}
