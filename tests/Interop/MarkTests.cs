namespace Posthorn.Interop;

/// <summary>The mark of a sender, from a certificate that openssl has issued to a mailbox and the image behind it (BIMI).</summary>
public sealed class MarkTests : IAsyncLifetime
{
    private const string Svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\" viewBox=\"0 0 9 9\">"
        + "<title>Good</title><circle cx=\"4\" cy=\"4\" r=\"4\"/></svg>";

    // The extension of RFC 3709 in openssl's language for ASN.1, around a hash and an address that bash fills in.
    private const string Issue = """
        set -e
        cd "$1"
        address="data:image/svg+xml;base64,$(gzip -nc mark.svg | base64 -w0)"
        hash=$(gzip -nc mark.svg | sha256sum | cut -c1-64)
        cat >vmc.cnf <<END
        [ext]
        subjectAltName=DNS:good.test
        extendedKeyUsage=1.3.6.1.5.5.7.3.31
        1.3.6.1.5.5.7.1.12=ASN1:SEQUENCE:logotype
        [logotype]
        subject=EXPLICIT:2,IMPLICIT:0,SEQUENCE:data
        [data]
        image=SEQUENCE:images
        [images]
        one=SEQUENCE:one
        [one]
        details=SEQUENCE:details
        [details]
        type=IA5STRING:image/svg+xml
        hashes=SEQUENCE:hashes
        places=SEQUENCE:places
        [hashes]
        one=SEQUENCE:hash
        [hash]
        algorithm=SEQUENCE:algorithm
        value=FORMAT:HEX,OCTETSTRING:$hash
        [algorithm]
        id=OID:2.16.840.1.101.3.4.2.1
        [places]
        one=IA5STRING:$address
        END
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 2 -subj /CN=Marks 2>/dev/null
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout mark.key -out mark.csr -subj "/O=Good Ltd/CN=Good" 2>/dev/null
        openssl x509 -req -in mark.csr -CA root.pem -CAkey root.key -CAcreateserial -days 1 -extfile vmc.cnf -extensions ext -out vmc.pem 2>/dev/null
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("mark-").FullName;
    private readonly PosthornServer _server = new();
    private HttpsHost? _web;

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "mark.svg"), Svg);
        (await Peer.RunAsync("bash", ["-c", Issue, "bash", _folder])).Require();
        int port = PortRange.TakeOne();
        _web = new HttpsHost("good.test", port - 25 + 443);
        _web.Publish("/vmc.pem", "application/pem-certificate-chain", await File.ReadAllTextAsync(Path.Combine(_folder, "vmc.pem")));
        string trusted = Path.Combine(_folder, "trusted.pem");
        await File.WriteAllTextAsync(trusted, _web.Certificate.ExportCertificatePem() + "\n");
        _server.Settings["SSL_CERT_FILE"] = trusted;
        _server.Settings["POSTHORN_DELIVERY_PORT"] = $"{port}";
        _server.Settings["POSTHORN_TRUST_MARK_AUTHORITIES_FILE"] = Path.Combine(_folder, "root.pem");
        _server.Settings["POSTHORN_LIMITS_LOOPBACK"] = "true";
        await _server.InitializeAsync();
        await File.AppendAllTextAsync(_server.Settings["POSTHORN_DNS_ZONE_FILE"], """
            good.test. TXT "v=spf1 ip4:127.0.0.1 -all"
            good.test. A 127.0.0.1
            _dmarc.good.test. TXT "v=DMARC1; p=reject"
            default._bimi.good.test. TXT "v=BIMI1; l=https://good.test/mark.svg; a=https://good.test/vmc.pem"

            """);
    }

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
            TestContext.Current.TestOutputHelper?.WriteLine("The server's log:\n" + _server.Log);
        await _server.DisposeAsync();
        if (_web is not null) await _web.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_message_shows_where_its_senders_mark_is_and_nobody_elses()
    {
        var person = await _server.AddPersonAsync();
        for (int i = 0; i < 2; i++)
        {
            (await Peer.RunAsync(
                "swaks",
                [
                    "--server", "127.0.0.1", "--port", $"{_server.Smtp}", "--helo", "good.test", "--from", "news@good.test", "--to", person.Address,
                    "--header", "BIMI-Indicator: Zm9yZ2Vk", "--header", "Subject: Shown",
                ])).Require();
        }
        string text = (await Peer.RunAsync(
            "curl",
            [
                "--silent", "--user", $"{person.Address}:{person.Password}", $"imap://127.0.0.1:{_server.Imap}/INBOX/;MAILINDEX=1",
            ])).Require();
        Assert.Contains("bimi=pass", text, StringComparison.Ordinal);
        Assert.Contains("policy.authority-uri=\"https://good.test/vmc.pem\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("BIMI-Indicator", text, StringComparison.Ordinal);
        Assert.Equal(1, _web!.Served);
        string place = text.Split("BIMI-Location: v=BIMI1;")[1].Split("l=")[1].Split(';')[0];
        Assert.StartsWith($"https://mail.{PosthornServer.Domain}:{_server.Https}/bimi/", place, StringComparison.Ordinal);
        string image = (await Peer.RunAsync(
            "curl",
            [
                "--silent", "--show-error", "--fail", "--include", "--insecure", "--resolve",
                $"mail.{PosthornServer.Domain}:{_server.Https}:127.0.0.1", place,
            ])).Require();
        Assert.EndsWith(Svg, image, StringComparison.Ordinal);
        Assert.Contains("content-type: image/svg+xml", image, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("immutable", image, StringComparison.Ordinal);
        string other = $"https://127.0.0.1:{_server.Https}/bimi/{new string('0', 64)}.svg";
        Assert.NotEqual(0, (await Peer.RunAsync("curl", ["--silent", "--fail", "--insecure", other])).Status);
    }
}
