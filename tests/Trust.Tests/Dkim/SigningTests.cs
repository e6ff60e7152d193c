using System.Security.Cryptography;
using System.Text;
using MimeKit;
using MimeKit.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Security;
using Xunit;

namespace Posthorn.Trust.Tests;

/// <summary>What we sign verifies here and with MimeKit; what MimeKit signs verifies here.</summary>
public sealed class SigningTests
{
    private static readonly SigningKey Rsa = SigningKey.Make("example.org", "r1", SigningAlgorithm.RsaSha256);
    private static readonly SigningKey Ed25519 = SigningKey.Make("example.org", "e1", SigningAlgorithm.Ed25519Sha256);

    private static string Zone => $"{Record(Rsa)}{Record(Ed25519)}_dmarc.example.org. TXT \"v=DMARC1; p=reject\"\n";

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1)]
    [InlineData(7)]
    public async Task What_is_signed_verifies(int piece)
    {
        await using var zone = new ZoneFile(Zone);
        var message = Signed(Message());
        var verdicts = await Verifier(zone).CheckAsync(message, piece: piece);
        Assert.Equal([AuthResult.Pass, AuthResult.Pass], verdicts.Dkim.Select(verdict => verdict.Result));
        Assert.Equal((AuthResult.Pass, "example.org"), (verdicts.Dmarc!.Result, verdicts.Dmarc.Domain));
        Assert.All(Encoding.ASCII.GetString(message).Split("\r\n"), line => Assert.InRange(line.Length, 0, 100));
    }

    [Theory]
    [InlineData("Subject: Dinner", "Subject: Lunch", AuthResult.Fail)]
    [InlineData("lost the game", "won the game", AuthResult.Fail)]
    [InlineData("Subject: Dinner", "subject:   Dinner  ", AuthResult.Pass)]
    [InlineData("lost the game", "lost   the game", AuthResult.Pass)]
    [InlineData("To: Suzie", "Cc: Mallory <m@evil.test>\r\nTo: Suzie", AuthResult.Fail)]
    [InlineData("To: Suzie", "From: Mallory <m@evil.test>\r\nTo: Suzie", AuthResult.Fail)]
    [InlineData("To: Suzie", "X-New: thing\r\nTo: Suzie", AuthResult.Pass)]
    public async Task A_change_is_seen_where_it_matters(string was, string becomes, AuthResult result)
    {
        await using var zone = new ZoneFile(Zone);
        var changed = Encoding.UTF8.GetString(Signed(Message())).Replace(was, becomes, StringComparison.Ordinal);
        var verdicts = await Verifier(zone).CheckAsync(Encoding.UTF8.GetBytes(changed));
        Assert.All(verdicts.Dkim, verdict => Assert.Equal(result, verdict.Result));
    }

    [Theory]
    [InlineData(DkimCanonicalizationAlgorithm.Simple, DkimCanonicalizationAlgorithm.Simple)]
    [InlineData(DkimCanonicalizationAlgorithm.Simple, DkimCanonicalizationAlgorithm.Relaxed)]
    [InlineData(DkimCanonicalizationAlgorithm.Relaxed, DkimCanonicalizationAlgorithm.Simple)]
    [InlineData(DkimCanonicalizationAlgorithm.Relaxed, DkimCanonicalizationAlgorithm.Relaxed)]
    public async Task What_MimeKit_signs_verifies_here(DkimCanonicalizationAlgorithm header, DkimCanonicalizationAlgorithm body)
    {
        using var pair = RSA.Create(2048);
        var message = await MimeMessage.LoadAsync(new MemoryStream(Message()), TestContext.Current.CancellationToken);
        var signer = new MimeKit.Cryptography.DkimSigner(Private(pair), "example.org", "mk")
        {
            HeaderCanonicalizationAlgorithm = header,
            BodyCanonicalizationAlgorithm = body,
        };
        message.Prepare(EncodingConstraint.SevenBit);
        signer.Sign(message, [HeaderId.From, HeaderId.Subject, HeaderId.Date, HeaderId.To]);
        var octets = new MemoryStream();
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        await message.WriteToAsync(format, octets, TestContext.Current.CancellationToken);
        await using var zone = new ZoneFile(
            $"mk._domainkey.example.org. TXT {Strings("v=DKIM1; p=" + Convert.ToBase64String(pair.ExportSubjectPublicKeyInfo()))}\n");
        var verdict = Assert.Single((await Verifier(zone).CheckAsync(octets.ToArray())).Dkim);
        Assert.True(verdict.Result == AuthResult.Pass, verdict.Evidence);
    }

    [Fact]
    public async Task What_we_sign_verifies_with_MimeKit()
    {
        var message = await MimeMessage.LoadAsync(new MemoryStream(Signed(Message())), TestContext.Current.CancellationToken);
        var locator = new Locator();
        var verifier = new MimeKit.Cryptography.DkimVerifier(locator);
        foreach (var field in message.Headers.Where(header => header.Id == HeaderId.DkimSignature).ToList())
        {
            Assert.True(await verifier.VerifyAsync(message, field, TestContext.Current.CancellationToken), field.Value);
        }
    }

    // RFC 6376 §8.2.
    [Fact]
    public async Task A_body_that_is_signed_in_part_proves_nothing()
    {
        var text = "From: ann@example.org\r\nSubject: x\r\n\r\nsigned\r\n";
        var signed = Partly(text, 8);
        await using var zone = new ZoneFile(Zone);
        Assert.Equal(AuthResult.Pass, Assert.Single((await Verifier(zone).CheckAsync(signed)).Dkim).Result);
        var longer = Assert.Single((await Verifier(zone).CheckAsync([.. signed, .. "added\r\n"u8])).Dkim);
        Assert.Equal((AuthResult.Policy, "a part of the body is not signed"), (longer.Result, longer.Evidence));
    }

    [Theory]
    [InlineData("v=DKIM1; k=rsa; p=", AuthResult.PermError, "revoked")]
    [InlineData("v=DKIM1; s=tlsrpt; p=@", AuthResult.PermError, "another service")]
    [InlineData("v=DKIM1; h=sha1; p=@", AuthResult.PermError, "other hashes")]
    [InlineData("v=DKIM1; k=ed25519; p=@", AuthResult.PermError, "cannot be read")]
    [InlineData("k=rsa; t=y; p=@", AuthResult.Pass, "")]
    public async Task A_key_decides_with_its_tags(string record, AuthResult result, string evidence)
    {
        var p = Rsa.Record[(Rsa.Record.IndexOf("p=", StringComparison.Ordinal) + 2)..];
        await using var zone = new ZoneFile($"r1._domainkey.example.org. TXT {Strings(record.Replace("@", p, StringComparison.Ordinal))}\n");
        var message = Message();
        var verdict = Assert.Single((await Verifier(zone).CheckAsync([.. MailSigning.Sign(message, [Rsa], DateTimeOffset.UtcNow), .. message])).Dkim);
        Assert.Equal(result, verdict.Result);
        Assert.Contains(evidence, verdict.Evidence, StringComparison.Ordinal);
        Assert.Equal(record.Contains("t=y", StringComparison.Ordinal), verdict.IsTesting);
    }

    [Theory]
    [InlineData("a=rsa-sha1", AuthResult.Policy)]
    [InlineData("a=rsa-sha512", AuthResult.Neutral)]
    [InlineData("v=2", AuthResult.Neutral)]
    [InlineData("c=nowsp", AuthResult.Neutral)]
    [InlineData("h=subject:to", AuthResult.PermError)]
    [InlineData("x=1000", AuthResult.Neutral)]
    [InlineData("i=@other.test", AuthResult.PermError)]
    [InlineData("d=", AuthResult.Neutral)]
    [InlineData("l=x", AuthResult.Neutral)]
    public async Task A_signature_that_cannot_be_taken_says_why(string tag, AuthResult result)
    {
        var tags = new Dictionary<string, string>
        {
            ["v"] = "1",
            ["a"] = "rsa-sha256",
            ["d"] = "example.org",
            ["s"] = "r1",
            ["h"] = "from",
            ["bh"] = "AAAA",
            ["b"] = "AAAA",
            ["t"] = "2000",
        };
        tags[tag[..1]] = tag[2..];
        var field = "DKIM-Signature: " + string.Join("; ", tags.Select(pair => $"{pair.Key}={pair.Value}"));
        await using var zone = new ZoneFile(Zone);
        var verdict = Assert.Single((await Verifier(zone).CheckAsync([.. Encoding.ASCII.GetBytes(field + "\r\n"), .. Message()])).Dkim);
        Assert.Equal(result, verdict.Result);
    }

    // RFC 8616 §5.
    [Fact]
    public async Task Names_in_U_labels_are_looked_up_in_A_labels()
    {
        using var key = SigningKey.Make("bücher.example", "schlüssel", SigningAlgorithm.Ed25519Sha256);
        await using var zone = new ZoneFile($"xn--schlssel-95a._domainkey.xn--bcher-kva.example. TXT {Strings(key.Record)}\n");
        var message = Encoding.UTF8.GetBytes("From: Jürgen <jürgen@bücher.example>\r\nSubject: Grüße\r\n\r\nHallo.\r\n");
        byte[] signed = [.. MailSigning.Sign(message, [key], DateTimeOffset.UtcNow), .. message];
        var verdict = Assert.Single((await Verifier(zone).CheckAsync(signed)).Dkim);
        Assert.Equal((AuthResult.Pass, "xn--bcher-kva.example"), (verdict.Result, verdict.Domain));
    }

    [Fact]
    public async Task More_signatures_than_are_looked_at_cost_nothing()
    {
        await using var zone = new ZoneFile(Zone);
        var message = Message();
        var field = MailSigning.Sign(message, [Ed25519], DateTimeOffset.UtcNow);
        byte[] many = [.. Enumerable.Repeat(field, 50).SelectMany(one => one), .. message];
        Assert.Equal(TrustLimits.SignaturesMax, (await Verifier(zone).CheckAsync(many)).Dkim.Count);
    }

    [Fact]
    public async Task A_chain_that_is_sealed_here_passes_and_is_continued()
    {
        await using var zone = new ZoneFile(Zone);
        var verifier = Verifier(zone);
        var message = Signed(Message());
        for (var hop = 1; hop <= 3; hop++)
        {
            message = [.. await SealAsync(verifier, message, hop == 2 ? Ed25519 : Rsa), .. message];
            var arc = (await verifier.CheckAsync(message)).Arc!;
            Assert.True(arc.Result == AuthResult.Pass, arc.Evidence);
            Assert.Equal(hop, arc.Instances);
            Assert.Contains("dmarc=pass", arc.Seals[0].Results, StringComparison.Ordinal);
        }
        var broken = Encoding.UTF8.GetString(message).Replace("lost the game", "won the game", StringComparison.Ordinal);
        var failed = Encoding.UTF8.GetBytes(broken);
        Assert.Equal(AuthResult.Fail, (await verifier.CheckAsync(failed)).Arc!.Result);
        failed = [.. await SealAsync(verifier, failed, Rsa), .. failed];
        var closed = (await verifier.CheckAsync(failed)).Arc!;
        Assert.True(closed.IsClosed);
        Assert.Empty(await SealAsync(verifier, failed, Rsa));
    }

    [Theory]
    [InlineData(1024, true)]
    [InlineData(4096, true)]
    [InlineData(512, false)]
    public void Keys_come_in_from_pem(int bits, bool taken)
    {
        using var pair = RSA.Create(bits);
        Assert.Equal(taken, SigningKey.TryRead("example.org", "s", pair.ExportPkcs8PrivateKeyPem(), out var key, out _));
        Assert.Equal(taken, SigningKey.TryRead("example.org", "s", pair.ExportRSAPrivateKeyPem(), out var other, out _));
        Assert.Equal(key?.Record, other?.Record);
        key?.Dispose();
        other?.Dispose();
    }

    // RFC 8410 §10.3.
    [Fact]
    public void An_Ed25519_key_comes_in_from_pem()
    {
        const string pem =
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        Assert.True(SigningKey.TryRead("example.org", "s", pem, out var key, out _));
        Assert.Equal("v=DKIM1; k=ed25519; p=GXv0R+aQqPcKKpVgMFCAoRUeGpAGRbnRJYKmj/fHdGg=".Length, key.Record.Length);
        key.Dispose();
        Assert.False(SigningKey.TryRead("example.org", "s", "nonsense", out _, out var reason));
        Assert.Contains("PEM", reason, StringComparison.Ordinal);
    }

    private static async Task<byte[]> SealAsync(MailVerifier verifier, byte[] message, SigningKey key)
    {
        using var check = verifier.Begin(message, null, TestContext.Current.CancellationToken);
        check.ExpectSeal();
        check.Append(message.AsSpan(Mime.HeaderFields.Of(message).Length));
        return check.Seal(await check.FinishAsync(), "mx.example.net", key);
    }

    // Nobody here writes l; a hand does.
    private static byte[] Partly(string message, int length)
    {
        var octets = Encoding.ASCII.GetBytes(message);
        var header = new HeaderBlock(octets);
        using var hashes = new BodyHashes();
        var body = hashes.Want(true, length);
        hashes.Append(octets.AsSpan(Mime.HeaderFields.Of(octets).Length));
        hashes.Finish();
        var canonical = new System.Buffers.ArrayBufferWriter<byte>();
        var fields = new List<FieldPlace>();
        header.Select(["from"], fields);
        foreach (var field in fields) header.Write(field, true, canonical);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        DkimSigner.Complete($"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r1; l={length}; h=", ["from"], body.Value,
            canonical.WrittenSpan, Rsa, output);
        return [.. output.WrittenSpan, .. octets];
    }

    private static byte[] Signed(byte[] message) => [.. MailSigning.Sign(message, [Rsa, Ed25519], DateTimeOffset.UtcNow), .. message];

    private static byte[] Message() => Messages.Wire("""
        From: Joe SixPack <joe@example.org>
        To: Suzie Q <suzie@shopping.example.net>
        Subject: Dinner
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
        Message-ID: <20030712040037.46341.5F8J@football.example.com>

        Hi.

        We lost the game.  Are you hungry yet?

        Joe.

        """);

    private static MailVerifier Verifier(ZoneFile zone) => new(zone.Resolver, "mx.example.net", TimeProvider.System);

    private static string Record(SigningKey key) => $"{key.Selector}._domainkey.{key.Domain}. TXT {Strings(key.Record)}\n";

    private static string Strings(string text) => string.Join(' ', text.Chunk(200).Select(part => $"\"{new string(part)}\""));

    private static AsymmetricKeyParameter Private(RSA pair) => DotNetUtilities.GetRsaKeyPair(pair).Private;

    private sealed class Locator : MimeKit.Cryptography.DkimPublicKeyLocatorBase
    {
        public override AsymmetricKeyParameter LocatePublicKey(
            string methods, string domain, string selector, CancellationToken cancellationToken = default) =>
            GetPublicKey((selector == Rsa.Selector ? Rsa : Ed25519).Record);

        public override Task<AsymmetricKeyParameter> LocatePublicKeyAsync(
            string methods, string domain, string selector, CancellationToken cancellationToken = default) =>
            Task.FromResult(LocatePublicKey(methods, domain, selector, cancellationToken));
    }
}
