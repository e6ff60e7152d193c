namespace Posthorn.Imap.Tests;

/// <summary>The scripts of imaptest (imaptest/LICENSE.txt) against the room.</summary>
public sealed class ImapTestTests
{
    /// <summary>Scripts that are not played, and why.</summary>
    private static readonly Dictionary<string, string> Excluded = new()
    {
        ["append-binary"] = "BINARY (RFC 3516) is not offered yet",
    };

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "imaptest");

    public static TheoryData<string> Names => [.. System.IO.Directory.GetFiles(Folder)
        .Where(file => !file.EndsWith(".mbox", StringComparison.Ordinal) && !file.EndsWith(".txt", StringComparison.Ordinal))
        .Select(file => Path.GetFileName(file)!).Where(name => !Excluded.ContainsKey(name)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_script_is_answered_as_it_expects(string name)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(60));
        var script = ImapTestScript.Read(Folder, name);
        await using var server = await TestServer.StartAsync(timeout.Token);
        await new ImapTestRunner(server, script, timeout.Token).PlayAsync();
    }
}
