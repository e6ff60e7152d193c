namespace Posthorn.Db;

/// <summary>The thread that syncs segments while the batch that relies on them still runs its SQL.</summary>
internal sealed class SegmentSyncer : IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<(SegmentFile Segment, long UpTo)> _requests = new();
    private readonly Thread _thread;
    private bool _stopping;

    public SegmentSyncer()
    {
        _thread = new Thread(Loop) { Name = "segment-syncer", IsBackground = true };
        _thread.Start();
    }

    public void Request(SegmentFile segment, long upTo)
    {
        lock (_gate)
        {
            foreach (var waiting in _requests)
            {
                // A sync covers all that is written when it begins, so the one that waits will cover this one too.
                if (waiting.Segment == segment) return;
            }

            _requests.Enqueue((segment, upTo));
            Monitor.Pulse(_gate);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
    }

    private void Loop()
    {
        while (true)
        {
            (SegmentFile Segment, long UpTo) request;
            lock (_gate)
            {
                while (!_requests.TryDequeue(out request))
                {
                    if (_stopping) return;
                    Monitor.Wait(_gate);
                }
            }

            try
            {
                request.Segment.Sync(request.UpTo);
            }
            catch (DatabaseUnavailableException)
            {
                // FatalStorage has been told; whoever waits for this segment tries the sync itself and meets the same error.
            }
        }
    }
}
