using System.CommandLine;
using System.Runtime.InteropServices;

namespace Posthorn.Server;

/// <summary>posthorn serve: runs the server until a signal.</summary>
internal static class ServeCommand
{
    public static Command Make()
    {
        var config = LocalOptions.Config();
        var data = LocalOptions.Data();
        var command = new Command("serve", "Runs the server until SIGTERM or SIGINT.") { config, data };
        command.SetAction((parsed, _) => RunAsync(ConfigFile.Require(LocalOptions.ConfigPath(parsed, config, data), parsed.GetValue(data))));
        return command;
    }

    private static async Task<int> RunAsync(ServerConfig config)
    {
        using var logs = new Logs(config, Console.OpenStandardError(), TimeProvider.System);
        using var signals = new StopSignals();
        try
        {
            await using var server = await MailServer.StartAsync(config, TimeProvider.System, logs.Factory, signals.Stop);
            await signals.Arrived;
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            // Asked to stop while it was starting.
        }
        return ExitStatus.Done;
    }
}

/// <summary>SIGTERM and SIGINT: the first asks to stop, the second ends the process at once, as if nobody listened.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    public StopSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Hear),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Hear),
    ];

    /// <summary>Cancelled by the first signal, so that a start under way is given up.</summary>
    public CancellationToken Stop => _stop.Token;

    public Task Arrived => _arrived.Task;

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _stop.Dispose();
    }

    private void Hear(PosixSignalContext context)
    {
        context.Cancel = _arrived.TrySetResult();
        if (context.Cancel) _stop.Cancel();
    }
}
