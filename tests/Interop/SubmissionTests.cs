using System.Text;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Posthorn.Interop;

/// <summary>Mail from our own people on the submission ports, sent by msmtp, nodemailer, swaks and MailKit.</summary>
public sealed class SubmissionTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Msmtp_submits(bool startTls)
    {
        var sender = await Server.AddPersonAsync();
        var recipient = await Server.AddPersonAsync();
        string[] options =
        [
            "--host=127.0.0.1", $"--port={(startTls ? Server.Submission : Server.Submissions)}", $"--from={sender.Address}",
            "--tls=on", $"--tls-starttls={(startTls ? "on" : "off")}", "--tls-certcheck=off",
            "--auth=plain", $"--user={sender.Address}", $"--passwordeval=printf %s '{sender.Password}'",
        ];
        string text = $"From: {sender.Address}\nTo: {recipient.Address}\nBcc: {sender.Address}\nSubject: By msmtp\n\nWords\n";
        (await Peer.RunAsync("msmtp", [.. options, recipient.Address, sender.Address], text)).Require();

        foreach (var person in (Person[])[sender, recipient])
        {
            string message = Assert.Single(await ReadAsync(person));
            Assert.Contains(" with ESMTPSA", message, StringComparison.Ordinal);
            Assert.DoesNotContain("\r\nBcc:", message, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Theory]
    [InlineData("starttls")]
    [InlineData("tls")]
    public async Task Nodemailer_submits(string security)
    {
        var sender = await Server.AddPersonAsync();
        var recipient = await Server.AddPersonAsync();
        int port = security == "tls" ? Server.Submissions : Server.Submission;
        (await Peer.NodeAsync("send.mjs", $"{port}", security, sender.Address, sender.Password, recipient.Address)).Require();

        using var bytes = new MemoryStream(Encoding.UTF8.GetBytes(Assert.Single(await ReadAsync(recipient))));
        using var message = await MimeMessage.LoadAsync(bytes, Cancelled);
        Assert.Equal("Nodemailer says hello ✔", message.Subject);
        Assert.Equal("numbers.csv", Assert.IsAssignableFrom<MimePart>(Assert.Single(message.Attachments)).FileName);
        Assert.Empty(message.Bcc);
        Assert.Single(await ReadAsync(sender));
    }

    [Fact]
    public async Task A_missing_date_and_message_id_are_added()
    {
        var person = await Server.AddPersonAsync();
        string bare = $"From: {person.Address}\\nTo: {person.Address}\\nSubject: bare\\n\\nWords\\n";
        (await SubmitAsync(person, "--to", person.Address, "--data", bare)).Require();
        string message = Assert.Single(await ReadAsync(person));
        Assert.Matches(@"\r\nDate: \w{3}, \d", message);
        Assert.Matches(@"\r\nMessage-ID: <[^>@]+@[^>]+>\r\n", message);
    }

    [Fact]
    public async Task Nobody_submits_without_a_log_in()
    {
        var person = await Server.AddPersonAsync();
        var outcome = await Peer.RunAsync(
            "swaks", ["--server", "127.0.0.1", "--port", $"{Server.Submission}", "--tls", "--from", person.Address, "--to", person.Address]);
        Assert.NotEqual(0, outcome.Status);
        Assert.Contains("530 5.7.0", outcome.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PLAIN")]
    [InlineData("LOGIN")]
    public async Task Swaks_logs_in(string mechanism)
    {
        var person = await Server.AddPersonAsync();
        (await SubmitAsync(person, "--auth", mechanism, "--to", person.Address)).Require();
        Assert.Single(await ReadAsync(person));
    }

    [Fact]
    public async Task A_wrong_password_hears_535()
    {
        var person = await Server.AddPersonAsync();
        var outcome = await SubmitAsync(person with { Password = "guess" }, "--to", person.Address);
        Assert.NotEqual(0, outcome.Status);
        Assert.Contains("535 5.7.8", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_sends_in_the_name_of_somebody_else()
    {
        var person = await Server.AddPersonAsync();
        var victim = await Server.AddPersonAsync();
        var outcome = await SubmitAsync(person, "--from", victim.Address, "--to", victim.Address);
        Assert.NotEqual(0, outcome.Status);
        Assert.Matches(@"55\d 5\.7\.1", outcome.Out);
        Assert.Empty(await ReadAsync(victim));
    }

    [Fact]
    public async Task An_address_of_an_alias_may_be_the_sender()
    {
        var person = await Server.AddPersonAsync("owner", "--alias", $"press@{PosthornServer.Domain}");
        (await SubmitAsync(person, "--from", $"press@{PosthornServer.Domain}", "--to", person.Address)).Require();
        Assert.Single(await ReadAsync(person));
    }

    [Fact]
    public async Task A_password_of_any_script_works()
    {
        var person = new Person($"jörg@{PosthornServer.Domain}", "Straße 日本 €");
        (await Server.CliAsync(["account", "add", person.Address, "--password-stdin"], person.Password + "\n")).Require();
        using var client = new SmtpClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await client.ConnectAsync("127.0.0.1", Server.Submissions, SecureSocketOptions.SslOnConnect, Cancelled);
        await client.AuthenticateAsync(person.Address, person.Password, Cancelled);
        var self = MailboxAddress.Parse(person.Address);
        using var message = new MimeMessage([self], [self], "Hallo", new TextPart { Text = "Wörter" });
        await client.SendAsync(message, Cancelled);
        await client.DisconnectAsync(true, Cancelled);
    }

    // The account's own address is the sender unless the options name another.
    private Task<Outcome> SubmitAsync(Person person, params string[] options) =>
        Peer.RunAsync(
            "swaks",
            [
                "--server", "127.0.0.1", "--port", $"{Server.Submission}", "--tls", "--helo", "client.test", "--timeout", "20", "--auth", "PLAIN",
                "--auth-user", person.Address, "--auth-password", person.Password, "--from", person.Address, .. options,
            ]);
}
