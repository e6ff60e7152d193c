namespace Posthorn.Interop;

/// <summary>What every class of these tests has: a server, and its log in the output of a test that fails.</summary>
public abstract class InteropTests(PosthornServer server) : IAsyncDisposable
{
    protected static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    protected PosthornServer Server => server;

    public virtual ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
            TestContext.Current.TestOutputHelper?.WriteLine("The server's log:\n" + server.Log);
        return ValueTask.CompletedTask;
    }

    /// <summary>Sends one message with swaks to the port for incoming mail.</summary>
    protected Task<Outcome> SwaksAsync(params string[] options) =>
        Peer.RunAsync("swaks", ["--server", "127.0.0.1", "--port", $"{server.Smtp}", "--helo", "client.test", "--timeout", "20", .. options]);

    /// <summary>All messages of a mailbox as a list of texts, read by Python's imaplib.</summary>
    protected async Task<IReadOnlyList<string>> ReadAsync(Person person, string mailbox = "INBOX")
    {
        var outcome = await Peer.PythonAsync("read_mailbox.py", $"{server.Imap}", person.Address, person.Password, mailbox);
        return outcome.Require().Split('\0', StringSplitOptions.RemoveEmptyEntries);
    }
}
