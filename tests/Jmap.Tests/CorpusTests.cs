using System.Text.Json.Nodes;
using MimeKit;

namespace Posthorn.Jmap.Tests;

/// <summary>Email/get and Email/parse on odd mail, compared with MimeKit's tree.</summary>
public sealed class CorpusTests
{
    private const string Properties = """
        "properties":["subject","from","to","cc","messageId","references","sentAt","headers","bodyStructure","textBody","htmlBody","attachments",
        "bodyValues","hasAttachment","preview","header:Subject:asText:all","header:From:asGroupedAddresses","header:X-Nothing"],
        "bodyProperties":["partId","blobId","size","type","name","charset","disposition","cid","headers","subParts"],"fetchAllBodyValues":true
        """;

    public static IEnumerable<string> Files => System.IO.Directory.EnumerateFiles(
        Path.Combine(AppContext.BaseDirectory, "Corpus"), "*", SearchOption.AllDirectories)
        .Where(static f => f.EndsWith(".eml", StringComparison.Ordinal)
            || f.EndsWith(".msg", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    [Fact]
    public async Task Odd_mail_is_shown_as_another_reader_reads_it()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var inbox = (await client.MailboxIdsAsync())["INBOX"];
        var differences = new List<string>();
        var files = Files.ToList();
        Assert.True(files.Count > 50, $"{files.Count} files");
        foreach (var file in files)
        {
            var octets = await File.ReadAllBytesAsync(file);
            var blob = (await client.UploadAsync(octets, "message/rfc822"))["blobId"]!.GetValue<string>();
            var imported = await client.CallAsync(
                "Email/import", $$$"""{"emails":{"i":{"blobId":"{{{blob}}}","mailboxIds":{"{{{inbox}}}":true} } } }""");
            var id = imported["created"]!["i"]!["id"]!.GetValue<string>();
            var email = (await client.CallAsync("Email/get", $$"""{"ids":["{{id}}"],{{Properties}} }"""))["list"]![0]!.AsObject();
            Assert.Equal(octets, await client.DownloadAsync(imported["created"]!["i"]!["blobId"]!.GetValue<string>()));
            var parsed = await client.CallAsync("Email/parse", $$"""{"blobIds":["{{blob}}"],{{Properties}} }""");
            if (parsed["parsed"] is { } one) AssertSame(email, one[blob]!.AsObject(), file);
            differences.AddRange((await CompareAsync(client, email, octets)).Select(d => $"{Path.GetFileName(file)}: {d}"));
        }
        // Where both readers have a right to their opinion.
        Assert.True(differences.Count <= 12, string.Join('\n', differences));
    }

    private static void AssertSame(JsonObject email, JsonObject parsed, string file)
    {
        foreach (var (name, value) in parsed)
        {
            if (name is "bodyStructure" or "textBody" or "htmlBody" or "attachments") continue; // blob ids differ
            Assert.True(JsonNode.DeepEquals(value, email[name]), $"{file} {name}");
        }
    }

    private static async Task<List<string>> CompareAsync(TestClient client, JsonObject email, byte[] octets)
    {
        var differences = new List<string>();
        MimeMessage message;
        try
        {
            message = await MimeMessage.LoadAsync(new MemoryStream(octets));
        }
        catch (FormatException)
        {
            return differences;
        }
        var subject = message.Headers.LastIndexOf(HeaderId.Subject) is var at and >= 0 ? message.Headers[at].Value.Trim() : null;
        Check("subject", subject, email["subject"]?.GetValue<string>().Trim());
        if (message.Headers.Count(static h => h.Id == HeaderId.From) == 1)
        {
            Check("from", string.Join(' ', message.From.Mailboxes.Select(static m => m.Address)),
                string.Join(' ', email["from"]?.AsArray().Select(static a => a!["email"]!.GetValue<string>()) ?? []));
        }
        Check("headers", message.Headers.Count + (message.Body?.Headers.Count ?? 0), email["headers"]!.AsArray().Count);
        var parts = Leaves(email["bodyStructure"]!).ToList();
        var expected = message.BodyParts.ToList();
        Check("parts", string.Join(' ', expected.Select(static p => p.ContentType.MimeType.ToLowerInvariant())),
            string.Join(' ', parts.Select(static p => p["type"]!.GetValue<string>())));
        for (var i = 0; i < Math.Min(parts.Count, expected.Count) && parts.Count == expected.Count; i++)
        {
            if (expected[i] is not MimePart { Content: { } content }) continue;
            using var decoded = new MemoryStream();
            await content.DecodeToAsync(decoded);
            var got = await client.DownloadAsync(parts[i]["blobId"]!.GetValue<string>());
            Assert.Equal(got.Length, MailTests.Int(parts[i], "size"));
            Check($"part {i}", Convert.ToHexString(decoded.ToArray()), Convert.ToHexString(got));
        }
        return differences;

        void Check<T>(string what, T one, T other)
        {
            if (!EqualityComparer<T>.Default.Equals(one, other)) differences.Add($"{what}: {Cut(one)} and {Cut(other)}");
        }
    }

    private static string Cut<T>(T value) => $"{value}" is var text && text.Length > 120 ? text[..120] : $"{value}";

    private static IEnumerable<JsonNode> Leaves(JsonNode part) =>
        part["subParts"] is { } parts ? parts.AsArray().SelectMany(static p => Leaves(p!)) : [part];
}
