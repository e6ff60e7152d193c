using System.Threading.Channels;

namespace Posthorn.Server;

/// <summary>Carries finished lines to standard error on one thread, so that nobody who logs waits for a terminal or a pipe.</summary>
internal sealed class LogWriter : IDisposable
{
    /// <summary>Lines that may wait. When more come, they are lost, and their number is told.</summary>
    public const int WaitingLinesMax = 16 * 1024;

    private readonly Channel<byte[]> _lines = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(WaitingLinesMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly Stream _output;
    private readonly Thread _thread;
    private long _lost;

    public LogWriter(Stream output)
    {
        _output = output;
        _thread = new Thread(Run) { IsBackground = true, Name = "log" };
        _thread.Start();
    }

    public void Write(byte[] line)
    {
        if (!_lines.Writer.TryWrite(line)) Interlocked.Increment(ref _lost);
    }

    /// <summary>Writes what still waits, and closes the output.</summary>
    public void Dispose()
    {
        _lines.Writer.TryComplete();
        _thread.Join();
        _output.Dispose();
    }

    private void Run()
    {
        try
        {
            var reader = _lines.Reader;
            while (reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            {
                while (reader.TryRead(out var line)) _output.Write(line);
                if (Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
                    _output.Write(System.Text.Encoding.UTF8.GetBytes($"posthorn: {lost} log lines were lost, standard error being too slow\n"));
                _output.Flush();
            }
        }
        catch (IOException)
        {
            // Nobody reads standard error any more: the server goes on without a log.
            _lines.Writer.TryComplete();
        }
    }
}
