using MailKit.Net.Pop3;
using MailKit.Security;

namespace Posthorn.Interop;

/// <summary>Maildrops as curl, Python, mpop and MailKit see them.</summary>
public sealed class Pop3Tests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    [Fact]
    public async Task Curl_lists_and_retrieves()
    {
        var person = await Server.AddPersonAsync();
        await DeliverAsync(person, "By curl");
        string[] login = ["-sSk", "-u", $"{person.Address}:{person.Password}"];
        string list = (await Peer.RunAsync("curl", [.. login, $"pop3s://127.0.0.1:{Server.Pop3s}/"])).Require();
        Assert.Matches(@"^1 \d+\r?\n$", list);
        string message = (await Peer.RunAsync("curl", [.. login, "--ssl-reqd", $"pop3://127.0.0.1:{Server.Pop3}/1"])).Require();
        Assert.Contains("Subject: By curl\r\n", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Python_walks_through_everything()
    {
        var person = await Server.AddPersonAsync();
        for (int i = 1; i <= 3; i++) await DeliverAsync(person, $"Number {i}");
        string[] arguments = [$"{Server.Pop3}", $"{Server.Pop3s}", person.Address, person.Password];
        Assert.Equal("done\n", (await Peer.PythonAsync("pop3_walk.py", arguments)).Require());
    }

    [Fact]
    public async Task Mpop_fetches_each_message_once_and_deletes_what_it_may()
    {
        var person = await Server.AddPersonAsync();
        await DeliverAsync(person, "First");
        string folder = Directory.CreateTempSubdirectory("mpop-").FullName;
        string configuration = Path.Combine(folder, "mpoprc");
        await File.WriteAllTextAsync(
            configuration,
            $"""
            account default
            host 127.0.0.1
            port {Server.Pop3}
            user {person.Address}
            password {person.Password}
            tls on
            tls_starttls on
            tls_certcheck off
            pipelining on
            keep on
            uidls_file {folder}/uidls
            delivery mbox {folder}/mbox

            """,
            Cancelled);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(configuration, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await Peer.RunAsync("mpop", ["-C", configuration, "-q"])).Require();
        await DeliverAsync(person, "Second");
        (await Peer.RunAsync("mpop", ["-C", configuration, "-q"])).Require();
        string mbox = await File.ReadAllTextAsync(Path.Combine(folder, "mbox"), Cancelled);
        Assert.Equal(2, mbox.Split("Subject: First").Length);
        Assert.Equal(2, mbox.Split("Subject: Second").Length);

        (await Peer.RunAsync("mpop", ["-C", configuration, "-q", "--keep=off"])).Require();
        Assert.Equal(0, await CountAsync(person));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task MailKit_retrieves_tops_and_deletes()
    {
        var person = await Server.AddPersonAsync();
        for (int i = 1; i <= 5; i++) await DeliverAsync(person, $"Number {i}");
        using (var client = await OpenAsync(person))
        {
            var wanted = Pop3Capabilities.UIDL | Pop3Capabilities.Top | Pop3Capabilities.Pipelining | Pop3Capabilities.ResponseCodes
                | Pop3Capabilities.Sasl | Pop3Capabilities.User | Pop3Capabilities.UTF8 | Pop3Capabilities.UTF8User | Pop3Capabilities.Lang
                | Pop3Capabilities.Expire | Pop3Capabilities.LoginDelay;
            Assert.Equal(wanted, client.Capabilities & wanted);
            Assert.Equal(5, client.Count);
            var uids = await client.GetMessageUidsAsync(Cancelled);
            Assert.Distinct(uids);
            var headers = await client.GetMessageHeadersAsync(0, 5, Cancelled);
            Assert.Equal("Number 3", headers[2]["Subject"]);
            var messages = await client.GetMessagesAsync([0, 4], Cancelled);
            Assert.Equal("Number 5", messages[1].Subject);
            await client.DeleteMessagesAsync([0, 1, 2, 3], Cancelled);
            await client.ResetAsync(Cancelled);
            await client.DeleteMessagesAsync([1, 2, 3, 4], Cancelled);
            await client.DisconnectAsync(true, Cancelled);
        }
        using var again = await OpenAsync(person);
        Assert.Equal("Number 1", (await again.GetMessageAsync(0, Cancelled)).Subject);
        Assert.Equal(1, again.Count);
        await again.DisconnectAsync(true, Cancelled);
    }

    [Fact]
    public async Task What_was_deleted_before_quit_was_answered_stays_deleted_after_sudden_death()
    {
        await using var server = new PosthornServer();
        await server.InitializeAsync();
        for (int i = 1; i <= 3; i++) await DeliverAsync(server.Admin, $"Number {i}", server);
        using (var lost = await OpenAsync(server.Admin, server)) await lost.DeleteMessageAsync(0, Cancelled);
        using (var client = await OpenAsync(server.Admin, server))
        {
            Assert.Equal(3, client.Count);
            await client.DeleteMessagesAsync([0, 2], Cancelled);
            await client.DisconnectAsync(true, Cancelled);
        }
        await server.KillAsync();
        await server.StartAsync();
        using var again = await OpenAsync(server.Admin, server);
        Assert.Equal(1, again.Count);
        Assert.Equal("Number 2", (await again.GetMessageAsync(0, Cancelled)).Subject);
    }

    private Task DeliverAsync(Person person, string subject) => DeliverAsync(person, subject, Server);

    private static async Task DeliverAsync(Person person, string subject, PosthornServer server)
    {
        string[] envelope = ["--from", "stranger@example.net", "--to", person.Address];
        string[] target = ["--server", "127.0.0.1", "--port", $"{server.Smtp}", "--helo", "client.test", "--timeout", "20"];
        (await Peer.RunAsync("swaks", [.. target, .. envelope, "--header", $"Subject: {subject}"])).Require();
    }

    private async Task<int> CountAsync(Person person)
    {
        using var client = await OpenAsync(person);
        int count = client.Count;
        await client.DisconnectAsync(true, Cancelled);
        return count;
    }

    private Task<Pop3Client> OpenAsync(Person person) => OpenAsync(person, Server);

    private static async Task<Pop3Client> OpenAsync(Person person, PosthornServer server)
    {
        var client = new Pop3Client { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await client.ConnectAsync("127.0.0.1", server.Pop3, SecureSocketOptions.StartTls, Cancelled);
        await client.AuthenticateAsync(person.Address, person.Password, Cancelled);
        return client;
    }
}
