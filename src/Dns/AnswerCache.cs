namespace Posthorn.Dns;

/// <summary>What was asked. The type is the mnemonic of RFC 1035 §3.2.2.</summary>
internal readonly record struct Question(string Name, string Type);

/// <summary>An answer as it came, with the octets that it takes up.</summary>
internal readonly record struct Fetched<T>(DnsAnswer<T> Answer, int Octets);

/// <summary>Remembers answers as long as they hold, the negative ones too (RFC 2308), and asks equal questions once.</summary>
internal sealed class AnswerCache<T>(Func<Question, Task<Fetched<T>>> fetch, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Question, Entry> _entries = [];
    private readonly Dictionary<Question, Task<DnsAnswer<T>>> _underWay = [];
    private long _octets;

    public int Count
    {
        get
        {
            lock (_gate) return _entries.Count;
        }
    }

    public ValueTask<DnsAnswer<T>> GetAsync(Question question, CancellationToken ct)
    {
        Task<DnsAnswer<T>> answer;
        lock (_gate)
        {
            if (_entries.TryGetValue(question, out var entry))
            {
                var left = time.GetElapsedTime(time.GetTimestamp(), entry.Ends);
                if (left > TimeSpan.Zero) return new(entry.Answer with { Ttl = left });
                Forget(question, entry);
            }
            if (!_underWay.TryGetValue(question, out var asked))
            {
                // The question outlives whoever asked first, so it does not run under that caller's cancellation.
                asked = AskAsync(question);
                _underWay.Add(question, asked);
            }
            answer = asked;
        }
        return new(answer.WaitAsync(ct));
    }

    private async Task<DnsAnswer<T>> AskAsync(Question question)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock
        var fetched = default(Fetched<T>?);
        try
        {
            fetched = await fetch(question);
            return fetched.Value.Answer;
        }
        finally
        {
            lock (_gate)
            {
                _underWay.Remove(question);
                if (fetched is { } some) Remember(question, some);
            }
        }
    }

    private void Remember(Question question, Fetched<T> fetched)
    {
        var max = fetched.Answer.Ok ? DnsLimits.TtlMax : DnsLimits.NegativeTtlMax;
        var ttl = fetched.Answer.Ttl < max ? fetched.Answer.Ttl : max;
        if (ttl <= TimeSpan.Zero) return;
        _entries[question] = new Entry(fetched.Answer, time.GetTimestamp() + (long)(ttl.TotalSeconds * time.TimestampFrequency), fetched.Octets);
        _octets += fetched.Octets;
        if (_entries.Count <= DnsLimits.CachedAnswersMax && _octets <= DnsLimits.CachedOctetsMax) return;
        foreach (var (old, entry) in _entries.OrderBy(e => e.Value.Ends).ToList())
        {
            if (_entries.Count <= DnsLimits.CachedAnswersMax / 4 * 3 && _octets <= DnsLimits.CachedOctetsMax / 4 * 3) return;
            Forget(old, entry);
        }
    }

    private void Forget(Question question, Entry entry)
    {
        _entries.Remove(question);
        _octets -= entry.Octets;
    }

    private readonly record struct Entry(DnsAnswer<T> Answer, long Ends, int Octets);
}
