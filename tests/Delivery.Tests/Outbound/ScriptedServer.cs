using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>An SMTP server on a loopback address that takes everything, but for what a test tells it to answer.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    /// <param name="host">The last octet of 127.0.0.x: several servers share one port.</param>
    public ScriptedServer(int host = 1, int port = 0)
    {
        _listener = new TcpListener(new IPAddress([127, 0, 0, (byte)host]), port);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    public string Greeting { get; set; } = "220 mx.test ESMTP";

    public List<string> Extensions { get; set; } = ["PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];

    /// <summary>The answer to a command, or to "." for the end of a message; null for the usual one, empty to hang up.</summary>
    public Func<string, string?> Answer { get; set; } = _ => null;

    /// <summary>Offers STARTTLS when set.</summary>
    public X509Certificate2? Certificate { get; set; }

    public bool ImplicitTls { get; set; }

    /// <summary>Says the go-ahead for TLS, then something that is no handshake, and hangs up.</summary>
    public bool BreakTls { get; set; }

    /// <summary>Sent in one packet with the go-ahead for TLS.</summary>
    public string AfterGoAhead { get; set; } = "";

    /// <summary>Speaks instead of everything else.</summary>
    public Func<NetworkStream, CancellationToken, Task>? Raw { get; set; }

    public ConcurrentQueue<Conversation> Conversations { get; } = new();

    public Conversation Only => Assert.Single(Conversations);

    public string[] Messages => [.. Conversations.SelectMany(c => c.Messages)];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        foreach (var conversation in Conversations) conversation.Client.Dispose();
        await Task.WhenAll(Conversations.Select(c => c.Done));
        _stop.Dispose();
    }

    private static bool IsOver(Exception e) =>
        e is OperationCanceledException or IOException or SocketException or ObjectDisposedException or AuthenticationException;

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                client.NoDelay = true;
                var conversation = new Conversation(this, client);
                conversation.Done = ServeAsync(conversation);
                Conversations.Enqueue(conversation);
            }
        }
        catch (Exception e) when (IsOver(e))
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Conversation conversation)
    {
        await Task.Yield();
        using var client = conversation.Client;
        try
        {
            await (Raw is { } raw ? raw(client.GetStream(), _stop.Token) : conversation.RunAsync());
        }
        catch (Exception e) when (IsOver(e))
        {
            // One of both has left.
        }
    }
}
