using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>
/// Reports of single failures to domains that ask for them, sent behind the message that they are about. They help a domain's owner and tell a
/// stranger about mail of this server's people, so they are off unless the operator wants them, few, and without recipients. One that is lost
/// with the process is not repeated: the day's report has it too.
/// </summary>
internal sealed class FailureReporting(ReportSending sending, TimeProvider time, ILogger log)
{
    private const int WaitingMax = 100;

    private readonly Channel<FailureNotice> _waiting =
        Channel.CreateBounded<FailureNotice>(new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Lock _gate = new();
    private readonly HashSet<string> _causes = [];
    private readonly Dictionary<string, int> _sent = [];
    private int _today;
    private DateOnly _day;

    /// <summary>Never waits, and may decide that enough has been said today.</summary>
    public void Offer(FailureNotice notice)
    {
        lock (_gate)
        {
            var day = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
            if (day != _day)
            {
                (_day, _today) = (day, 0);
                _causes.Clear();
                _sent.Clear();
            }
            var domain = notice.Domain.Ascii;
            if (_today >= DeliveryLimits.FailuresMax || _sent.GetValueOrDefault(domain) >= DeliveryLimits.FailuresPerDomainMax) return;
            if (!_causes.Add(notice.Cause)) return;
            _today++;
            _sent[domain] = _sent.GetValueOrDefault(domain) + 1;
        }
        _waiting.Writer.TryWrite(notice);
    }

    /// <summary>Sends them as they come, until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (await _waiting.Reader.WaitToReadAsync(ct)) await SendWaitingAsync(ct);
    }

    /// <summary>Sends those that wait. One that cannot be sent is let go.</summary>
    internal async Task SendWaitingAsync(CancellationToken ct)
    {
        while (_waiting.Reader.TryRead(out var notice))
        {
            try
            {
                await sending.SendAsync(notice, ct);
            }
            catch (Exception failure) when (!ct.IsCancellationRequested)
            {
                ReportLog.FailureNotSent(log, failure, notice.Domain);
            }
        }
    }
}
