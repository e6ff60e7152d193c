using MailKit.Net.Imap;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Posthorn.Interop;

/// <summary>Log-ins by SCRAM, with and without channel binding, by msmtp and MailKit, over SMTP and IMAP.</summary>
public sealed class ScramTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    [Theory]
    [InlineData("scram-sha-256")]
    [InlineData("scram-sha-1")]
    public async Task Msmtp_proves_the_password_without_sending_it(string mechanism)
    {
        var person = await AddAsync();
        string[] options =
        [
            "--host=127.0.0.1", $"--port={Server.Submissions}", $"--from={person.Address}", "--tls=on", "--tls-starttls=off", "--tls-certcheck=off",
            $"--auth={mechanism}", $"--user={person.Address}", $"--passwordeval=printf %s '{person.Password}'", person.Address,
        ];
        (await Peer.RunAsync("msmtp", options, $"From: {person.Address}\nSubject: By SCRAM\n\nWords\n")).Require();
        Assert.Contains(" with ESMTPSA", Assert.Single(await ReadAsync(person)), StringComparison.Ordinal);
        options[^2] = "--passwordeval=printf %s wrong";
        Assert.NotEqual(0, (await Peer.RunAsync("msmtp", options, "Subject: x\n\nWords\n")).Status);
    }

    [Theory]
    [InlineData("SCRAM-SHA-256-PLUS")]
    [InlineData("SCRAM-SHA-1-PLUS")]
    [InlineData("SCRAM-SHA-256")]
    [InlineData("SCRAM-SHA-1")]
    public async Task MailKit_logs_in_over_SMTP_and_IMAP(string mechanism)
    {
        var person = await AddAsync();
        using var smtp = new SmtpClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await smtp.ConnectAsync("127.0.0.1", Server.Submissions, SecureSocketOptions.SslOnConnect, Cancelled);
        Assert.Contains(mechanism, smtp.AuthenticationMechanisms);
        await smtp.AuthenticateAsync(Sasl(mechanism, person), Cancelled);
        var self = MailboxAddress.Parse(person.Address);
        using var message = new MimeMessage([self], [self], "By SCRAM", new TextPart { Text = "Words" });
        await smtp.SendAsync(message, Cancelled);
        await smtp.DisconnectAsync(true, Cancelled);

        using var imap = new ImapClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await imap.ConnectAsync("127.0.0.1", Server.Imaps, SecureSocketOptions.SslOnConnect, Cancelled);
        Assert.Contains(mechanism, imap.AuthenticationMechanisms);
        await imap.AuthenticateAsync(Sasl(mechanism, person), Cancelled);
        await imap.Inbox!.OpenAsync(MailKit.FolderAccess.ReadOnly, Cancelled);
        Assert.Equal(1, imap.Inbox.Count);
        await imap.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task Curl_submits_with_its_best_mechanism()
    {
        var person = await AddAsync();
        var outcome = await Peer.RunAsync(
            "curl",
            [
                "-sSk", "--crlf", "--url", $"smtps://127.0.0.1:{Server.Submissions}/client.test", "--mail-from", person.Address, "--mail-rcpt",
                person.Address, "--user", $"{person.Address}:{person.Password}", "-T", "-",
            ],
            $"From: {person.Address}\nSubject: By curl\n\nWords\n");
        outcome.Require();
        Assert.Contains(" with ESMTPSA", Assert.Single(await ReadAsync(person)), StringComparison.Ordinal);
    }

    private static SaslMechanism Sasl(string mechanism, Person person) => mechanism switch
    {
        "SCRAM-SHA-256-PLUS" => new SaslMechanismScramSha256Plus(person.Address, person.Password),
        "SCRAM-SHA-1-PLUS" => new SaslMechanismScramSha1Plus(person.Address, person.Password),
        "SCRAM-SHA-256" => new SaslMechanismScramSha256(person.Address, person.Password),
        _ => new SaslMechanismScramSha1(person.Address, person.Password),
    };

    // The domain first: verifiers are made when a password is set.
    private async Task<Person> AddAsync()
    {
        (await Server.CliAsync(["domain", "set", PosthornServer.Domain, "--scram", "true", "--data", Server.Data])).Require();
        return await Server.AddPersonAsync("scram");
    }
}
