using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Posthorn.Db;

/// <summary>
/// News between nodes. After their commit, notices are bundled and sent by one thread on one connection, since a NOTIFY inside each transaction would
/// serialize all commits of the cluster; another thread listens. Both come back by themselves; what was missed meanwhile is in the change logs.
/// </summary>
internal sealed class PostgresNotices : IDisposable
{
    private const int PayloadBytesMax = 7900; // the server's limit is 8000
    private const int WaitingMax = 100_000;

    private readonly object _gate = new();
    private readonly Queue<(string Channel, string Payload)> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly NpgsqlDataSource _source;
    private readonly ILogger _log;
    private readonly string _channel;
    private readonly string _node = Guid.NewGuid().ToString("N");
    private readonly Action<string, string> _deliver;
    private readonly Action _lost;
    private readonly Thread _sender;
    private readonly Thread _listener;

    public PostgresNotices(NpgsqlDataSource source, string schema, ILogger log, Action<string, string> deliver, Action lost)
    {
        (_source, _log, _channel, _deliver, _lost) = (source, log, "posthorn_" + schema, deliver, lost);
        _sender = new Thread(Send) { Name = "db-notify", IsBackground = true };
        _listener = new Thread(Listen) { Name = "db-listen", IsBackground = true };
        _sender.Start();
        _listener.Start();
    }

    public void Enqueue(List<(string Channel, string Payload)> notices)
    {
        lock (_gate)
        {
            foreach (var notice in notices)
            {
                // With nobody to send to, the oldest go first: the other nodes read the change logs when they are back.
                if (_waiting.Count >= WaitingMax) _waiting.Dequeue();
                _waiting.Enqueue(notice);
            }

            Monitor.Pulse(_gate);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stop.Cancel();
            Monitor.PulseAll(_gate);
        }

        _sender.Join();
        _listener.Join();
        _stop.Dispose();
    }

    /// <summary>The node's id, then for each notice the lengths of channel and payload and both texts.</summary>
    internal static string Bundle(string node, IEnumerable<(string Channel, string Payload)> notices)
    {
        var text = new StringBuilder(node);
        foreach (var (channel, payload) in notices)
            text.Append(CultureInfo.InvariantCulture, $"{channel.Length}:{payload.Length}:{channel}{payload}");
        return text.ToString();
    }

    /// <summary>False for what no node of ours has sent.</summary>
    internal static bool TryUnbundle(string bundle, out string node, List<(string Channel, string Payload)> notices)
    {
        node = string.Empty;
        if (bundle.Length < 32) return false;
        node = bundle[..32];
        var rest = bundle.AsSpan(32);
        while (!rest.IsEmpty)
        {
            if (!TryLength(ref rest, out var channel) || !TryLength(ref rest, out var payload) || channel + payload > rest.Length) return false;
            notices.Add((rest[..channel].ToString(), rest.Slice(channel, payload).ToString()));
            rest = rest[(channel + payload)..];
        }

        return true;
    }

    private static bool TryLength(ref ReadOnlySpan<char> rest, out int length)
    {
        length = 0;
        var colon = rest.IndexOf(':');
        if (colon < 0 || !int.TryParse(rest[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out length)) return false;
        rest = rest[(colon + 1)..];
        return length <= PayloadBytesMax;
    }

    private void Send()
    {
        NpgsqlConnection? connection = null;
        while (TakeBundle() is { } bundle)
        {
            try
            {
                connection ??= _source.OpenConnection();
                using var command = new NpgsqlCommand("SELECT pg_notify($1, $2)", connection);
                command.Parameters.Add(new NpgsqlParameter { Value = _channel });
                command.Parameters.Add(new NpgsqlParameter { Value = bundle });
                command.ExecuteNonQuery();
            }
            catch (Exception error) when (PostgresError.IsFromServer(error))
            {
                Log.NoticesLost(_log, error.Message);
                connection?.Dispose();
                connection = null;
                _stop.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(1));
            }
        }

        connection?.Dispose();
    }

    private string? TakeBundle()
    {
        var notices = new List<(string, string)>();
        var bytes = 32;
        lock (_gate)
        {
            while (_waiting.Count == 0)
            {
                if (_stop.IsCancellationRequested) return null;
                Monitor.Wait(_gate);
            }

            while (_waiting.TryPeek(out var notice))
            {
                bytes += 16 + Encoding.UTF8.GetByteCount(notice.Channel) + Encoding.UTF8.GetByteCount(notice.Payload);
                if (bytes > PayloadBytesMax && notices.Count > 0) break;
                notices.Add(_waiting.Dequeue());
            }
        }

        return Bundle(_node, notices);
    }

    private void Listen()
    {
        var first = true;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var connection = _source.OpenConnection();
                connection.Notification += (_, arrived) => Receive(arrived.Payload);
                using (var command = new NpgsqlCommand($"LISTEN \"{_channel}\"", connection)) command.ExecuteNonQuery();
                if (!first) _lost();
                first = false;
                while (!_stop.IsCancellationRequested) connection.Wait(500);
            }
            catch (Exception error) when (PostgresError.IsFromServer(error))
            {
                Log.NoticesLost(_log, error.Message);
                _stop.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(1));
            }
        }
    }

    private void Receive(string bundle)
    {
        var notices = new List<(string Channel, string Payload)>();
        if (!TryUnbundle(bundle, out var node, notices) || node == _node) return;
        foreach (var (channel, payload) in notices) _deliver(channel, payload);
    }
}
