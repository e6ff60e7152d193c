using System.Buffers;
using System.Text;

namespace Posthorn.Server;

/// <summary>Carries finished lines to standard error on one thread, so that nobody who logs waits for a terminal or a pipe.</summary>
internal sealed class LogWriter : IDisposable
{
    /// <summary>Lines that may wait. When more come, they are lost, and their number is told.</summary>
    public const int WaitingLinesMax = 16 * 1024;

    // Lines that come in this time after the first go out together: a wake-up and a write for each would cost more than the lines.
    private static readonly TimeSpan GatherTime = TimeSpan.FromMilliseconds(20);

    private readonly object _gate = new();
    private readonly Stream _output;
    private readonly Thread _thread;
    private List<byte[]> _waiting = [];
    private long _lost;
    private bool _sleeping;
    private bool _closed;

    public LogWriter(Stream output)
    {
        _output = output;
        _thread = new Thread(Run) { IsBackground = true, Name = "log" };
        _thread.Start();
    }

    public void Write(byte[] line)
    {
        lock (_gate)
        {
            if (_closed || _waiting.Count == WaitingLinesMax)
            {
                _lost++;
                return;
            }
            _waiting.Add(line);
            if (_sleeping) Monitor.Pulse(_gate);
        }
    }

    /// <summary>Writes what still waits, and closes the output.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.Pulse(_gate);
        }
        _thread.Join();
        _output.Dispose();
    }

    private void Run()
    {
        var lines = new List<byte[]>();
        var text = new ArrayBufferWriter<byte>(4096);
        try
        {
            while (Take(ref lines, out var lost))
            {
                foreach (var line in lines) text.Write(line);
                lines.Clear();
                if (lost > 0) text.Write(Encoding.UTF8.GetBytes($"posthorn: {lost} log lines were lost, standard error being too slow\n"));
                _output.Write(text.WrittenSpan);
                _output.Flush();
                text.ResetWrittenCount();
            }
        }
        catch (IOException)
        {
            // Nobody reads standard error any more: the server goes on without a log.
            lock (_gate)
            {
                _closed = true;
                _waiting.Clear();
            }
        }
    }

    // False when nothing waits and nothing will.
    private bool Take(ref List<byte[]> lines, out long lost)
    {
        lock (_gate)
        {
            _sleeping = true;
            while (_waiting.Count == 0 && !_closed) Monitor.Wait(_gate);
            _sleeping = false;
            if (!_closed) Monitor.Wait(_gate, GatherTime);
            (lines, _waiting) = (_waiting, lines);
            (lost, _lost) = (_lost, 0);
            return lines.Count > 0;
        }
    }
}
