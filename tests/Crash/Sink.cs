using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Posthorn.Crash;

/// <summary>Another server, as an SMTP client of ours sees it: takes what goes to ok.test, refuses fail.test, defers later.test.</summary>
internal sealed class Sink : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public Sink()
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>How often a message with this subject was taken.</summary>
    public ConcurrentDictionary<string, int> Taken { get; } = new(StringComparer.Ordinal);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var own = client;
        using var reader = new StreamReader(client.GetStream());
        await using var writer = new StreamWriter(client.GetStream()) { NewLine = "\r\n", AutoFlush = true };
        try
        {
            await writer.WriteLineAsync("220 sink.test ESMTP");
            while (await reader.ReadLineAsync() is { } line)
            {
                var reply = line switch
                {
                    _ when IsTo(line, "fail.test") => "550 5.1.1 unknown",
                    _ when IsTo(line, "later.test") => "451 4.3.0 later",
                    "DATA" => "354 go on",
                    "QUIT" => "221 bye",
                    _ => "250 good",
                };
                await writer.WriteLineAsync(reply);
                if (line == "QUIT") return;
                if (line == "DATA") await TakeAsync(reader, writer);
            }
        }
        catch (IOException)
        {
            // The server has died.
        }
    }

    private static bool IsTo(string line, string domain) =>
        line.StartsWith("RCPT", StringComparison.Ordinal) && line.Contains("@" + domain, StringComparison.Ordinal);

    private async Task TakeAsync(StreamReader reader, StreamWriter writer)
    {
        var subject = "";
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("Subject: ", StringComparison.Ordinal) && subject.Length == 0) subject = line["Subject: ".Length..];
            if (line != ".") continue;
            Taken.AddOrUpdate(subject, 1, static (_, times) => times + 1);
            await writer.WriteLineAsync("250 taken");
            return;
        }
    }
}
