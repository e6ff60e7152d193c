using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>What was found where a signature says that its key is.</summary>
internal readonly record struct DkimKeyAnswer(DkimPublicKey? Key, AuthResult Result, string Reason);

/// <summary>Finds keys. How long an answer holds is the resolver's affair; here records that were read once are not read again.</summary>
internal sealed class DkimKeys(Resolver resolver)
{
    private readonly Lock _gate = new();
    private Dictionary<string, DkimKeyAnswer> _read = new(StringComparer.Ordinal);

    /// <summary>Never throws but for cancellation.</summary>
    public async Task<DkimKeyAnswer> FindAsync(string selector, string domain, CancellationToken ct)
    {
        var answer = await resolver.TxtAsync($"{selector}._domainkey.{domain}", ct);
        switch (answer.Status)
        {
            case DnsStatus.Failed:
                return new(null, AuthResult.TempError, answer.Failure ?? "the key could not be asked for");
            case DnsStatus.Ok:
                // RFC 6376 §3.6.2.2: of several records, any may be used. The first that is a key is.
                var first = Read(answer.Records[0]);
                return first.Key is null && answer.Records.Count > 1 ? Other(answer.Records) ?? first : first;
            default:
                return new(null, AuthResult.PermError, "there is no key"); // RFC 6376 §6.1.2
        }
    }

    private DkimKeyAnswer? Other(IReadOnlyList<string> records)
    {
        foreach (var record in records.Take(TrustLimits.KeyRecordsMax))
        {
            if (Read(record) is { Key: not null } answer) return answer;
        }
        return null;
    }

    private DkimKeyAnswer Read(string record)
    {
        lock (_gate)
        {
            if (_read.TryGetValue(record, out var known)) return known;
        }
        var answer = DkimPublicKey.TryParse(record, "email", out var key, out var reason)
            ? new DkimKeyAnswer(key, AuthResult.None, "") : new DkimKeyAnswer(null, AuthResult.PermError, reason);
        lock (_gate)
        {
            // The keys that are thrown away may still be in use: the collector takes them.
            if (_read.Count >= TrustLimits.KeysRememberedMax) _read = new(StringComparer.Ordinal);
            _read[record] = answer;
        }
        return answer;
    }
}
