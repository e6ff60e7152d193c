using Microsoft.Extensions.Logging;

namespace Posthorn.Server;

/// <summary>The log of a running server, on standard error.</summary>
internal sealed class Logs : IDisposable
{
    private readonly LogWriter _writer;
    private readonly LineLoggerProvider _provider;
    private readonly LoggerFactory _factory;

    public Logs(ServerConfig config, Stream output, TimeProvider time)
    {
        _writer = new LogWriter(output);
        _provider = new LineLoggerProvider(config.LogFormat, _writer, time);
        var filter = new LoggerFilterOptions { MinLevel = config.LogLevel };
        // The web server's own notes are for those who develop it.
        var web = config.LogLevel < LogLevel.Warning ? LogLevel.Warning : config.LogLevel;
        filter.Rules.Add(new LoggerFilterRule(null, "Microsoft", web, null));
        // What keeps it from starting is told by the command, in one line.
        filter.Rules.Add(new LoggerFilterRule(null, "Microsoft.Extensions.Hosting", LogLevel.None, null));
        _factory = new LoggerFactory([_provider], filter);
    }

    public ILoggerFactory Factory => _factory;

    /// <summary>Writes what still waits.</summary>
    public void Dispose()
    {
        _factory.Dispose();
        _provider.Dispose();
        _writer.Dispose();
    }
}
