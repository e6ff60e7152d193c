using System.Diagnostics;
using System.Text.Json;
using MailKit.Net.Imap;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Posthorn.Interop;

/// <summary>The passwords of devices: made on the command line, used by real clients, revoked while they are connected.</summary>
public sealed class AppPasswordTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    private const double EndedSecondsMax = 5;

    [Fact]
    public async Task Every_client_logs_in_with_the_password_of_its_device()
    {
        var person = await Server.AddPersonAsync();
        var device = person with { Password = await IssueAsync(person, "Everything") };
        (await Peer.RunAsync(
            "swaks",
            [
                "--server", "127.0.0.1", "--port", $"{Server.Submission}", "--tls", "--auth", "PLAIN", "--auth-user", device.Address,
                "--auth-password", device.Password, "--from", device.Address, "--to", device.Address, "--header", "Subject: By device",
            ])).Require();
        foreach (string url in (string[])[$"imaps://127.0.0.1:{Server.Imaps}/INBOX;MAILINDEX=1", $"pop3s://127.0.0.1:{Server.Pop3s}/1"])
        {
            string text = (await Peer.RunAsync("curl", ["-sSk", "-u", $"{device.Address}:{device.Password}", url])).Require();
            Assert.Contains("Subject: ", text, StringComparison.Ordinal);
        }
        (await Peer.RunAsync(
            "msmtp",
            [
                "--host=127.0.0.1", $"--port={Server.Submissions}", $"--from={device.Address}", "--tls=on", "--tls-starttls=off",
                "--tls-certcheck=off", "--auth=plain", $"--user={device.Address}", $"--passwordeval=printf %s '{device.Password}'", device.Address,
            ],
            $"From: {device.Address}\nSubject: By msmtp\n\nWords\n")).Require();
        // As people type what they read in groups.
        string grouped = string.Join(' ', device.Password.ToUpperInvariant().Chunk(4).Select(static four => new string(four)));
        using var imap = new ImapClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await imap.ConnectAsync("127.0.0.1", Server.Imaps, SecureSocketOptions.SslOnConnect, Cancelled);
        await imap.IdentifyAsync(new ImapImplementation { Name = "Test phone", Version = "1" }, Cancelled);
        await imap.AuthenticateAsync(new SaslMechanismPlain(device.Address, grouped), Cancelled);
        await imap.DisconnectAsync(true, Cancelled);

        using var list = JsonDocument.Parse((await Server.CliAsync(["app-password", "list", person.Address, "--json"])).Require());
        var entry = Assert.Single(list.RootElement.EnumerateArray());
        Assert.Equal(5, entry.GetProperty("uses").GetInt32());
        Assert.Equal("Test phone 1", entry.GetProperty("client").GetString());
        Assert.DoesNotContain(device.Password, list.RootElement.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(device.Password[6..], Server.Log, StringComparison.Ordinal);
        await Eventually.HoldsAsync(
            "the owner hears of it",
            async () => (await ReadAsync(person)).Any(static text => text.Contains("Subject: A new app password opens", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Under_scram_MailKit_names_the_device()
    {
        (await Server.CliAsync(["domain", "set", PosthornServer.Domain, "--scram", "true"])).Require();
        var person = await Server.AddPersonAsync();
        var made = await Server.CliAsync(["app-password", "add", person.Address, "--label", "Phone", "--json"]);
        using var issued = JsonDocument.Parse(made.Require());
        string id = issued.RootElement.GetProperty("id").GetString()!, secret = issued.RootElement.GetProperty("secret").GetString()!;
        await IssueAsync(person, "Tablet");
        using var imap = new ImapClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await imap.ConnectAsync("127.0.0.1", Server.Imaps, SecureSocketOptions.SslOnConnect, Cancelled);
        await imap.AuthenticateAsync(new SaslMechanismScramSha256Plus($"{person.Address}+{id}", secret), Cancelled);
        await imap.Inbox!.OpenAsync(MailKit.FolderAccess.ReadOnly, Cancelled);
        await imap.DisconnectAsync(true, Cancelled);
        using var smtp = new SmtpClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await smtp.ConnectAsync("127.0.0.1", Server.Submissions, SecureSocketOptions.SslOnConnect, Cancelled);
        await smtp.AuthenticateAsync(new SaslMechanismScramSha1($"{person.Address}+{id}", secret), Cancelled);
        var self = MailboxAddress.Parse(person.Address);
        using var message = new MimeMessage([self], [self], "By SCRAM", new TextPart { Text = "Words" });
        await smtp.SendAsync(message, Cancelled);
        await smtp.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task What_is_revoked_loses_its_connections_at_once_and_the_others_stay()
    {
        var person = await Server.AddPersonAsync();
        string phone = await IssueAsync(person, "Phone"), tablet = await IssueAsync(person, "Tablet");
        using var idling = await LogInAsync(person with { Password = phone });
        await idling.CommandAsync("a", "SELECT INBOX");
        await idling.SendAsync("b IDLE\r\n");
        Assert.StartsWith("+", await idling.ReadLineAsync(), StringComparison.Ordinal);
        using var other = await LogInAsync(person with { Password = tablet });
        using var smtp = await LineClient.ConnectAsync(Server.Submission);
        await smtp.ReplyAsync();
        await smtp.AskAsync("EHLO client.test");
        string plain = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"\0{person.Address}\0{phone}"));
        Assert.StartsWith("235", await smtp.AskAsync("AUTH PLAIN " + plain), StringComparison.Ordinal);
        using var pop3 = await LineClient.ConnectAsync(Server.Pop3);
        await pop3.ReadLineAsync();
        await pop3.SendAsync($"USER {person.Address}\r\nPASS {phone}\r\n");
        await pop3.ReadLineAsync();
        Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);

        long began = Stopwatch.GetTimestamp();
        (await Server.CliAsync(["app-password", "revoke", person.Address, "--label", "Phone"])).Require();
        string? line;
        do line = await idling.ReadLineAsync();
        while (line?.StartsWith("* BYE", StringComparison.Ordinal) == false);
        Assert.Equal("* BYE [UNAVAILABLE] your log-in has ended", line);
        Assert.Equal("421 4.7.0 your log-in has ended", await smtp.ReplyAsync());
        Assert.Equal("-ERR [SYS/TEMP] your log-in has ended", await pop3.ReadLineAsync());
        Assert.True(Stopwatch.GetElapsedTime(began).TotalSeconds < EndedSecondsMax);
        Assert.Null(await smtp.ReadLineAsync());
        Assert.Contains("OK", await other.CommandAsync("c", "NOOP"), StringComparison.Ordinal);

        var refused = await Peer.RunAsync("curl", ["-sSk", "-u", $"{person.Address}:{phone}", $"imaps://127.0.0.1:{Server.Imaps}/INBOX"]);
        Assert.NotEqual(0, refused.Status);
        await Eventually.HoldsAsync(
            "the owner is told of its use",
            async () => (await ReadAsync(person)).Any(
                static text => text.Contains("Subject: An app password of your account was refused", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_narrow_one_opens_only_what_it_is_for()
    {
        var person = await Server.AddPersonAsync();
        string sends = await IssueAsync(person, "Printer", "--scope", "smtp"), far = await IssueAsync(person, "Far", "--allow-ip", "192.0.2.0/24");
        foreach (string secret in (string[])[sends, far])
        {
            var imap = await Peer.RunAsync("curl", ["-sSk", "-u", $"{person.Address}:{secret}", $"imaps://127.0.0.1:{Server.Imaps}/INBOX"]);
            Assert.NotEqual(0, imap.Status);
        }
        (await Peer.RunAsync(
            "swaks",
            [
                "--server", "127.0.0.1", "--port", $"{Server.Submission}", "--tls", "--auth", "LOGIN", "--auth-user", person.Address,
                "--auth-password", sends, "--from", person.Address, "--to", person.Address,
            ])).Require();
        Assert.Contains("is right and does not open imap from 127.0.0.1: WrongNetwork", Server.Log, StringComparison.Ordinal);
        Assert.Contains("is right and does not open imap from 127.0.0.1: WrongScope", Server.Log, StringComparison.Ordinal);
    }

    private async Task<LineClient> LogInAsync(Person person)
    {
        var client = await LineClient.ConnectAsync(Server.Imap);
        await client.ReadLineAsync();
        Assert.Contains("x OK", await client.CommandAsync("x", $"LOGIN {person.Address} \"{person.Password}\""), StringComparison.Ordinal);
        return client;
    }

    private async Task<string> IssueAsync(Person person, string label, params string[] options) =>
        (await Server.CliAsync(["app-password", "add", person.Address, "--label", label, .. options])).Require().Trim();
}
