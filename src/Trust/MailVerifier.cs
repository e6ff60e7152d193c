using System.Net;
using Posthorn.Core;
using Posthorn.Dns;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>Where a message comes from, as SMTP tells it.</summary>
/// <param name="MailFrom">The reverse-path without angle brackets; empty for the null path.</param>
public sealed record MailSource(IPAddress Client, string Helo, string MailFrom);

/// <summary>Checks messages while they arrive.</summary>
/// <param name="hostname">Our own name.</param>
/// <param name="suffixes">For DMARC by the rules of RFC 7489; null for those of RFC 9989.</param>
/// <param name="indicators">For BIMI; null when no marks are looked for.</param>
public sealed class MailVerifier(
    Resolver resolver, string hostname, TimeProvider time, PublicSuffixes? suffixes = null, Indicators? indicators = null)
{
    private readonly DkimKeys _keys = new(resolver);

    internal Resolver Resolver => resolver;

    internal TimeProvider Time => time;

    internal DkimKeys Keys => _keys;

    internal SpfVerifier Spf { get; } = new(resolver, hostname, time);

    internal BimiVerifier? Bimi { get; } = indicators is null ? null : new BimiVerifier(resolver, suffixes, indicators);

    internal DmarcVerifier Dmarc { get; } = new(resolver, suffixes);

    /// <summary>Begins with the header; questions to the name system are under way when this returns.</summary>
    /// <param name="header">The message, or its beginning with the whole header. It must stay as it is until the verdicts are there.</param>
    /// <param name="source">Null when only the message itself is known: no SPF and no iprev then.</param>
    public MailCheck Begin(ReadOnlyMemory<byte> header, MailSource? source, CancellationToken ct = default) => new(this, header, source, ct);
}

/// <summary>The check of one message. Used by one thread at a time; disposed when it is done with.</summary>
public sealed class MailCheck : IDisposable
{
    private readonly MailVerifier _verifier;
    private readonly CancellationTokenSource _stop;
    private readonly BodyHashes _bodies = new();
    private readonly HeaderBlock _header;
    private readonly FromVerdict _from;
    private readonly string _selector;
    private readonly DkimVerification _dkim;
    private readonly ArcValidation _arc;
#pragma warning disable CA2213 // it belongs to _bodies
    private BodyHash? _sealed;
#pragma warning restore CA2213
    private readonly Task<IprevVerdict>? _iprev;
    private readonly Task<SpfVerdict>[] _spf = [];

    internal MailCheck(MailVerifier verifier, ReadOnlyMemory<byte> message, MailSource? source, CancellationToken ct)
    {
        _verifier = verifier;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var length = HeaderFields.Of(message.Span).Length;
        _header = new HeaderBlock(message[..Math.Min(length, TrustLimits.HeaderOctetsMax)]);
        _from = FromVerdict.Of(message.Span[..length]);
        _selector = verifier.Bimi is null ? "" : BimiRecord.SelectorOf(message.Span[..length]);
        _dkim = new DkimVerification(_header, _bodies, verifier.Keys, _stop.Token);
        _arc = new ArcValidation(_header, _bodies, verifier.Keys, _stop.Token);
        if (source is null) return;
        var client = source.Client.Unmapped();
        _iprev = Iprev.CheckAsync(verifier.Resolver, client, _stop.Token).AsTask();
        var helo = verifier.Spf.HeloAsync(client, source.Helo, _stop.Token).AsTask();
        _spf = source.MailFrom.Length == 0
            ? [helo] : [helo, verifier.Spf.MailFromAsync(client, source.Helo, source.MailFrom, _stop.Token).AsTask()];
    }

    /// <summary>Whether anybody wants to see the body.</summary>
    public bool WantsBody => !_bodies.IsEmpty;

    /// <summary>The message goes on to somebody else, and will be sealed. Before the first octet of the body.</summary>
    public void ExpectSeal() => _sealed ??= _bodies.Want(true, null);

    /// <summary>After <see cref="FinishAsync"/>: the ARC set to put before the message (RFC 8617 §5.1); empty when its chain is closed.</summary>
    public byte[] Seal(MailVerdicts verdicts, string servId, SigningKey key)
    {
        if (_sealed is null) throw new InvalidOperationException("The seal was not expected");
        var payload = AuthenticationResults.Payload(verdicts);
        return ArcSealer.Seal(_header, _sealed, _arc, verdicts.Arc!, servId, payload, key, _verifier.Time.GetUtcNow());
    }

    /// <summary>The octets behind the header, in order.</summary>
    public void Append(ReadOnlySpan<byte> body) => _bodies.Append(body);

    /// <summary>After the last octet. What the name system has not answered by then is waited for a while, then it is temperror.</summary>
    public async Task<MailVerdicts> FinishAsync()
    {
        _bodies.Finish();
        using var limit = new CancellationTokenSource(TrustLimits.AnswersTimeout, _verifier.Time);
        await using var stop = limit.Token.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _stop);
        var now = _verifier.Time.GetUtcNow();
        var dkim = await _dkim.FinishAsync(now);
        var arc = await _arc.FinishAsync(now);
        var iprev = _iprev is null ? null : await IprevAsync(_iprev);
        var spf = new List<SpfVerdict>(_spf.Length);
        foreach (var task in _spf) spf.Add(await SpfAsync(task, spf.Count));
        var dmarc = await DmarcAsync(spf.Count > 0 ? spf[^1] : null, dkim);
        var bimi = await BimiAsync(dmarc);
        return new MailVerdicts
        {
            Iprev = iprev,
            Spf = spf,
            Dkim = dkim,
            Arc = arc,
            Dmarc = dmarc,
            Bimi = bimi,
            From = _from,
            ChecksSignatures = true,
        };
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _bodies.Dispose();
    }

    private static async Task<IprevVerdict?> IprevAsync(Task<IprevVerdict> task)
    {
        try
        {
            return await task;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private static async Task<SpfVerdict> SpfAsync(Task<SpfVerdict> task, int index)
    {
        try
        {
            return await task;
        }
        catch (OperationCanceledException)
        {
            return new SpfVerdict(AuthResult.TempError, index == 0 ? SpfIdentity.Helo : SpfIdentity.MailFrom, "", "the check took too long");
        }
    }

    private async Task<BimiVerdict?> BimiAsync(DmarcVerdict dmarc)
    {
        if (_verifier.Bimi is not { } bimi) return null;
        try
        {
            return await bimi.CheckAsync(_from, dmarc, _selector, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private async Task<DmarcVerdict> DmarcAsync(SpfVerdict? spf, IReadOnlyList<DkimVerdict> dkim)
    {
        try
        {
            return await _verifier.Dmarc.CheckAsync(_from, spf, dkim, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            return new DmarcVerdict(AuthResult.TempError, "", DmarcPolicy.None, "", "the policy did not come in time");
        }
    }
}
