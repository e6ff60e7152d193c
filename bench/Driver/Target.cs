using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Posthorn.Bench;

/// <summary>A server under measurement, its data in a directory of its own on a real disk.</summary>
internal abstract class Target(string name, string dataRoot) : IDisposable
{
    public const string Password = "bench-8461-pass";
    private long _numbers;

    public string Name { get; } = name;
    public string Data { get; } = Path.Combine(dataRoot, name);
    public ServerProcesses Processes { get; } = new(name);
    public int SmtpPort => Base + 25;
    public int ImapPort => Base + 143;

    /// <summary>Where mail for other domains is handed in.</summary>
    public virtual int OutboundPort => SmtpPort;

    public virtual bool OutboundNeedsLogin => false;

    /// <summary>The port at which other servers are reached; set before <see cref="Create"/>.</summary>
    public int SinkPort { get; set; }

    /// <summary>The port that other servers must have for this one; 0 when it can be told another.</summary>
    public virtual int RemotePort => 0;

    /// <summary>Mail for other domains waits from now on.</summary>
    public abstract void HoldOutbound();

    /// <summary>All of it goes.</summary>
    public abstract void ReleaseOutbound();

    /// <summary>Program and version, for the head of the results.</summary>
    public abstract string Description { get; }

    /// <summary>Added to each well-known port.</summary>
    protected int Base { get; } = FreeBase();

    protected int Accounts { get; private set; }

    public string Account(int number) => $"u{number:d4}@bench.test";

    /// <summary>Message numbers that no earlier load of this target has used.</summary>
    public long TakeNumbers(int count)
    {
        _numbers += count;
        return _numbers - count;
    }

    /// <summary>Makes an empty installation with so many accounts and starts it.</summary>
    public void Create(int accounts)
    {
        Wipe();
        System.IO.Directory.CreateDirectory(Data);
        Accounts = accounts;
        Install();
        Start(null);
        CreateAccounts();
    }

    /// <summary>Starts the server and waits until it listens; with <paramref name="tracer"/> under that command.</summary>
    public void Start(IReadOnlyList<string>? tracer)
    {
        Launch(tracer ?? []);
        AwaitPort(ImapPort);
        AwaitPort(SmtpPort);
    }

    /// <summary>Milliseconds from the start of the program until it accepts mail and mail clients.</summary>
    public double StartTimed()
    {
        var started = Stopwatch.GetTimestamp();
        Launch([]);
        AwaitPort(SmtpPort);
        AwaitPort(ImapPort);
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    public void Stop()
    {
        Halt();
        Processes.EndRest(TimeSpan.FromSeconds(15));
    }

    public void Wipe()
    {
        Stop();
        if (System.IO.Directory.Exists(Data))
            System.IO.Directory.Delete(Data, recursive: true);
    }

    public void Dispose()
    {
        Wipe();
        Processes.Remove();
        GC.SuppressFinalize(this);
    }

    protected abstract void Install();
    protected abstract void Launch(IReadOnlyList<string> tracer);
    protected abstract void Halt();

    protected virtual void CreateAccounts()
    {
    }

    protected static string Run(IReadOnlyList<string> command, string? input = null)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in command.Skip(1))
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start) ?? throw new InvalidOperationException("cannot start " + command[0]);
        var errors = process.StandardError.ReadToEndAsync();
        if (input is not null)
            process.StandardInput.WriteLine(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output
            : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {process.ExitCode}: {errors.Result}{output}");
    }

    private static void AwaitPort(int port)
    {
        var until = Stopwatch.GetTimestamp() + (60 * Stopwatch.Frequency);
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (Stopwatch.GetTimestamp() < until)
            {
                Thread.Sleep(1);
            }
        }
    }

    private static int FreeBase()
    {
        int[] wellKnown = [25, 80, 110, 143, 443, 465, 587, 993, 995];
        while (true)
        {
            int start = 10_000 + (Random.Shared.Next(200) * 100);
            if (wellKnown.All(port => IsFree(start + port)))
                return start;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
