using System.Text.Json;

namespace Posthorn.Interop;

/// <summary>Mailboxes as curl, Python, mbsync and imapflow see them.</summary>
public sealed class ImapTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    // Far above what it takes, far below what polling would take.
    private const double NewsMillisecondsMax = 5000;

    [Fact]
    public async Task Python_walks_through_everything()
    {
        var person = await Server.AddPersonAsync();
        Assert.Equal("done\n", (await Peer.PythonAsync("imap_walk.py", $"{Server.Imap}", person.Address, person.Password)).Require());
    }

    [Fact]
    public async Task Curl_reads_a_message()
    {
        var person = await Server.AddPersonAsync();
        await DeliverAsync(person, "By curl");
        var outcome = await Peer.RunAsync(
            "curl", ["-sSk", "-u", $"{person.Address}:{person.Password}", $"imaps://127.0.0.1:{Server.Imaps}/INBOX;MAILINDEX=1"]);
        Assert.Contains("Subject: By curl\r\n", outcome.Require(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mbsync_keeps_both_sides_the_same()
    {
        var person = await Server.AddPersonAsync();
        string folder = Directory.CreateTempSubdirectory("mbsync-").FullName;
        string configuration = await WriteMbsyncAsync(folder, person);
        foreach (string subject in (string[])["stays", "is read here", "is deleted here"]) await DeliverAsync(person, subject);

        await SyncAsync(configuration);
        string inbox = Path.Combine(folder, "mail", "INBOX");
        string[] local = [.. Directory.EnumerateFiles(Path.Combine(inbox, "new")), .. Directory.EnumerateFiles(Path.Combine(inbox, "cur"))];
        Assert.Equal(3, local.Length);

        // Flags and a deletion made in the Maildir reach the server, a message put there too.
        string read = WithSubject("is read here"), deleted = WithSubject("is deleted here");
        string name = Path.GetFileName(read).Split(":2,")[0];
        File.Move(read, Path.Combine(inbox, "cur", name + ":2,FS"));
        File.Delete(deleted);
        await File.WriteAllTextAsync(
            Path.Combine(inbox, "cur", "1.made.here:2,S"),
            $"From: {person.Address}\nTo: {person.Address}\nSubject: is made here\n\nWords\n",
            Cancelled);
        await SyncAsync(configuration);

        using var client = await LogInAsync(person);
        await client.CommandAsync("b", "SELECT INBOX");
        string flags = await client.CommandAsync("c", "FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
        Assert.DoesNotContain("is deleted here", flags, StringComparison.Ordinal);
        Assert.Contains("Subject: is made here", flags, StringComparison.Ordinal);
        Assert.Matches(@"(?s)FLAGS \([^)]*\\Flagged[^)]*\)[^\n]*\nSubject: is read here", flags);

        // And the other way: what another client changes reaches the Maildir.
        await client.CommandAsync("d", "STORE 1 +FLAGS (\\Answered)");
        await SyncAsync(configuration);
        Assert.Contains(Directory.EnumerateFiles(Path.Combine(inbox, "cur")), f => f.Split(":2,")[^1].Contains('R', StringComparison.Ordinal));
        Directory.Delete(folder, recursive: true);

        string WithSubject(string subject) => local.Single(f => File.ReadAllText(f).Contains($"Subject: {subject}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Imapflow_hears_of_new_mail_flags_and_deletions_at_once()
    {
        var person = await Server.AddPersonAsync();
        var outcome = await Peer.NodeAsync("idle.mjs", $"{Server.Imaps}", $"{Server.Smtp}", person.Address, person.Password);
        string[] lines = outcome.Require().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var heard = lines.Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(
            ["exists 1", "message News text/plain", "flags \\Flagged", "expunge 1"],
            heard.Select(h => $"{h.GetProperty("kind")} {h.GetProperty("shown")}"));
        Assert.All(
            heard.Where(h => h.TryGetProperty("milliseconds", out _)),
            h => Assert.True(h.GetProperty("milliseconds").GetDouble() < NewsMillisecondsMax, h.ToString()));
    }

    [Fact]
    public async Task Imapflow_makes_up_what_it_has_missed()
    {
        var person = await Server.AddPersonAsync();
        var outcome = await Peer.NodeAsync("resync.mjs", $"{Server.Imaps}", person.Address, person.Password);
        var heard = outcome.Require().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement);
        Assert.Equal(
            ["messages 4", "qresync true", "vanished 3 true", "changed 2 \\Seen", "vanished 1 false"],
            heard.Select(h => $"{h.GetProperty("kind")} {h.GetProperty("shown")}"));
    }

    [Fact]
    public async Task Mbsync_that_was_interrupted_goes_on_where_it_was()
    {
        const int Messages = 10_000;
        var person = await Server.AddPersonAsync();
        string folder = Directory.CreateTempSubdirectory("mbsync-").FullName;
        string configuration = await WriteMbsyncAsync(folder, person);
        (await Peer.PythonAsync("fill_mailbox.py", $"{Server.Imap}", person.Address, person.Password, $"{Messages}")).Require();

        // Killed three times in the middle of its work, then left alone. It is not to fetch anything twice.
        string inbox = Path.Combine(folder, "mail", "INBOX");
        for (int tries = 0; tries < 3; tries++)
            await Peer.RunAsync("timeout", ["-s", "KILL", $"{1 + tries}", "mbsync", "-c", configuration, "-a"]);
        await SyncAsync(configuration);
        Assert.Equal(Messages, Count());

        // Both ways, many at once: what is deleted and flagged here, and what is flagged there.
        string[] files = [.. Directory.EnumerateFiles(Path.Combine(inbox, "cur")), .. Directory.EnumerateFiles(Path.Combine(inbox, "new"))];
        foreach (string file in files.Take(1000)) File.Delete(file);
        foreach (string file in files.Skip(1000).Take(1000))
            File.Move(file, Path.Combine(inbox, "cur", Path.GetFileName(file).Split(":2,")[0] + ":2,FS"));
        await Peer.RunAsync("timeout", ["-s", "KILL", "1", "mbsync", "-c", configuration, "-a"]);
        await SyncAsync(configuration);
        using var client = await LogInAsync(person);
        Assert.Contains($"* {Messages - 1000} EXISTS\n", await client.CommandAsync("b", "SELECT INBOX"), StringComparison.Ordinal);
        Assert.Contains("COUNT 1000\n", await client.CommandAsync("c", "SEARCH RETURN (COUNT) FLAGGED SEEN"), StringComparison.Ordinal);
        await client.CommandAsync("d", "STORE 1:* +FLAGS.SILENT (\\Answered)");
        await SyncAsync(configuration);
        Assert.Equal(
            Messages - 1000,
            Directory.EnumerateFiles(Path.Combine(inbox, "cur")).Count(f => f.Split(":2,")[^1].Contains('R', StringComparison.Ordinal)));
        Directory.Delete(folder, recursive: true);

        int Count() => Directory.EnumerateFiles(Path.Combine(inbox, "new")).Count() + Directory.EnumerateFiles(Path.Combine(inbox, "cur")).Count();
    }

    [Fact]
    public async Task Neomutt_lists_tags_and_saves()
    {
        var person = await Server.AddPersonAsync();
        foreach (string subject in (string[])["stays here", "goes away"]) await DeliverAsync(person, subject);
        string folder = Directory.CreateTempSubdirectory("neomutt-").FullName;
        string settings = Path.Combine(folder, "muttrc");
        await File.WriteAllTextAsync(
            settings,
            $"""
            set imap_user = "{person.Address}"
            set imap_pass = "{person.Password}"
            set folder = "imaps://127.0.0.1:{Server.Imaps}/"
            set spoolfile = "+INBOX"
            set certificate_file = "{await Server.SaveCertificateAsync()}"
            set ssl_verify_host = no
            set ssl_verify_dates = no
            set imap_condstore = yes
            set imap_qresync = yes
            set header_cache = "{folder}/cache"
            set confirmappend = no
            set delete = yes
            set move = no
            set wait_key = no
            push "<limit>~s away<enter><save-message>=Archive<enter><sync-mailbox><quit>"

            """,
            Cancelled);
        // Twice: the second time it comes back to its own cache.
        for (int turn = 0; turn < 2; turn++)
        {
            // Neomutt reads the terminal, which only the foreground may: no shell between, and no group of its own.
            var environment = new Dictionary<string, string> { ["TERM"] = "xterm", ["HOME"] = folder };
            var command = $"exec timeout --foreground 30 neomutt -n -F {settings}";
            var outcome = await Peer.RunAsync("script", ["-qec", command, "/dev/null"], "", environment);
            Assert.True(outcome.Status == 0, outcome.ToString());
        }
        using var client = await LogInAsync(person);
        Assert.Contains("* 1 EXISTS\n", await client.CommandAsync("b", "SELECT INBOX"), StringComparison.Ordinal);
        await client.CommandAsync("c", "SELECT Archive");
        string saved = await client.CommandAsync("d", "FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]");
        Assert.Contains("Subject: goes away", saved, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task One_connection_sees_at_once_what_another_does()
    {
        var person = await Server.AddPersonAsync();
        await DeliverAsync(person, "Shared");
        using var one = await LogInAsync(person);
        using var two = await LogInAsync(person);
        await one.CommandAsync("b", "SELECT INBOX");
        await two.CommandAsync("b", "SELECT INBOX");
        await two.SendAsync("c IDLE\r\n");
        Assert.StartsWith("+", await two.ReadLineAsync(), StringComparison.Ordinal);

        await DeliverAsync(person, "New");
        Assert.Equal("* 2 EXISTS", await NextAsync(two, "EXISTS"));
        Assert.Contains("* 2 EXISTS\n", await one.CommandAsync("d", "NOOP"), StringComparison.Ordinal);
        await one.CommandAsync("e", "STORE 2 +FLAGS (\\Seen)");
        Assert.Matches(@"^\* 2 FETCH \(.*\\Seen", await NextAsync(two, "FETCH"));
        await one.CommandAsync("f", "STORE 1 +FLAGS.SILENT (\\Deleted)");
        await one.CommandAsync("g", "EXPUNGE");
        Assert.Equal("* 1 EXPUNGE", await NextAsync(two, "EXPUNGE"));
        await two.SendAsync("DONE\r\n");
        Assert.StartsWith("c OK", await NextAsync(two, "c OK"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_opens_a_mailbox_before_a_log_in_or_with_a_wrong_password()
    {
        var person = await Server.AddPersonAsync();
        using var client = await LineClient.ConnectAsync(Server.Imap);
        await client.ReadLineAsync();
        Assert.Contains("a BAD", await client.CommandAsync("a", "SELECT INBOX"), StringComparison.Ordinal);
        Assert.Contains("b NO [AUTHENTICATIONFAILED]", await client.CommandAsync("b", $"LOGIN {person.Address} wrong"), StringComparison.Ordinal);
    }

    private static async Task<string> NextAsync(LineClient client, string word)
    {
        while (await client.ReadLineAsync() is { } line)
        {
            if (line.Contains(word, StringComparison.Ordinal)) return line;
        }

        return "the server has closed";
    }

    private static async Task SyncAsync(string configuration) => (await Peer.RunAsync("mbsync", ["-c", configuration, "-a"])).Require();

    private async Task<string> WriteMbsyncAsync(string folder, Person person)
    {
        string file = Path.Combine(folder, "mbsyncrc");
        Directory.CreateDirectory(Path.Combine(folder, "mail"));
        await File.WriteAllTextAsync(
            file,
            $"""
            FSync no

            IMAPAccount posthorn
            Host 127.0.0.1
            Port {Server.Imaps}
            User {person.Address}
            Pass {person.Password}
            SSLType IMAPS
            CertificateFile {await Server.SaveCertificateAsync()}

            IMAPStore far
            Account posthorn

            MaildirStore near
            Path {folder}/mail/
            Inbox {folder}/mail/INBOX
            SubFolders Verbatim

            Channel all
            Far :far:
            Near :near:
            Patterns *
            Create Both
            Expunge Both
            SyncState *

            """,
            Cancelled);
        return file;
    }

    private async Task<LineClient> LogInAsync(Person person)
    {
        var client = await LineClient.ConnectAsync(Server.Imap);
        await client.ReadLineAsync();
        Assert.Contains("a OK", await client.CommandAsync("a", $"LOGIN {person.Address} \"{person.Password}\""), StringComparison.Ordinal);
        return client;
    }

    private async Task DeliverAsync(Person person, string subject) =>
        (await SwaksAsync("--from", "stranger@example.net", "--to", person.Address, "--header", $"Subject: {subject}")).Require();
}
