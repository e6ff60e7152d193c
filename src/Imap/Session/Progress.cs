namespace Posthorn.Imap;

/// <summary>INPROGRESS (RFC 9585 §4): a command that takes long is not a connection that has died.</summary>
internal sealed class Progress(ImapSession session)
{
    /// <summary>RFC 9585 §3.1 advises 10 to 15 seconds.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private long _last = session.Connection.Time.GetTimestamp();

    /// <summary>Tells how far the command is, when it is time to.</summary>
    /// <returns>False when the peer is gone.</returns>
    public ValueTask<bool> TellAsync(int done, int total, CancellationToken ct)
    {
        if (session.Connection.Time.GetElapsedTime(_last) < Interval) return new(true);
        Write($"{done} {total}");
        return session.Connection.FlushAsync(ct);
    }

    /// <summary>Waits for work whose steps nobody counts, and tells that it goes on.</summary>
    public async ValueTask<T> WhileAsync<T>(ValueTask<T> work, CancellationToken ct)
    {
        if (work.IsCompleted) return await work;
        var task = work.AsTask();
        while (true)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var waited = await Task.WhenAny(task, Task.Delay(Interval, session.Connection.Time, over.Token));
            await over.CancelAsync();
            // A peer that is gone ends the connection, and with it the work; its outcome is told to nobody.
            if (waited == task || ct.IsCancellationRequested) return await task;
            Write("NIL NIL");
            await session.Connection.FlushAsync(ct);
        }
    }

    private void Write(string state)
    {
        _last = session.Connection.Time.GetTimestamp();
        var w = session.Connection.Write();
        w.Raw("* OK [INPROGRESS ("u8);
        w.String(System.Text.Encoding.ASCII.GetBytes(session.Tag));
        w.Text($" {state})] still working\r\n");
        w.Commit();
    }
}
