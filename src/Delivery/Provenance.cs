using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>
/// What is proven of one message while it passes the intake: that of a stranger is checked, that of our own people is signed. Mail of this
/// machine and
/// of private networks is neither.
/// </summary>
internal sealed class Provenance : IDisposable
{
    private readonly MailTrust _trust;
    private readonly MailCheck? _check;
    private readonly MailSigning? _signing;
    private readonly SigningKey? _sealer;

    private Provenance(MailTrust trust, MailCheck? check, MailSigning? signing, SigningKey? sealer) =>
        (_trust, _check, _signing, _sealer) = (trust, check, signing, sealer);

    /// <summary>Whether the body is to be shown to <see cref="Append"/>.</summary>
    public bool WantsBody => _signing is not null || _check is { WantsBody: true };

    /// <summary>Begins to check what came from outside.</summary>
    /// <param name="head">The beginning of the message with its header, in memory until this is disposed.</param>
    /// <returns>Null for a client that is not checked.</returns>
    public static async ValueTask<Provenance?> CheckAsync(
        MailTrust? trust, Envelope envelope, Origin origin, IReadOnlyList<Leg> legs, ReadOnlyMemory<byte> head, CancellationToken ct)
    {
        if (trust is null || !trust.Checks(origin.Remote)) return null;
        var check = trust.Verifier.Begin(head, new MailSource(origin.Remote!, origin.Helo, envelope.From.ToString()), ct);
        // What goes on through an alias is sealed by the domain of the alias.
        SigningKey? sealer = null;
        if (legs.FirstOrDefault(static leg => leg.Target is not Target.Local) is { } forwarded)
        {
            var keys = await trust.Keys.ReadyAsync(forwarded.Original.Domain, ct);
            if (keys.Count > 0)
            {
                sealer = keys[0];
                check.ExpectSeal();
            }
        }
        return new Provenance(trust, check, null, sealer);
    }

    /// <summary>Begins to sign what one of our own people submits, in the name of its author's domain.</summary>
    /// <returns>Null when there is no key for it.</returns>
    public static async ValueTask<Provenance?> SignAsync(MailTrust? trust, ReadOnlyMemory<byte> head, CancellationToken ct)
    {
        if (trust is null || HeaderScan.Mailboxes(head.Span, "from"u8) is not [var author, ..]) return null;
        var keys = await trust.Keys.ReadyAsync(author.Domain, ct);
        return keys.Count == 0 ? null : new Provenance(trust, null, new MailSigning(head, keys), null);
    }

    /// <summary>The octets behind the header, in order.</summary>
    public void Append(ReadOnlySpan<byte> body)
    {
        _check?.Append(body);
        _signing?.Append(body);
    }

    /// <summary>After the last octet.</summary>
    public async ValueTask<Proven> FinishAsync(DateTimeOffset now)
    {
        if (_signing is not null) return new Proven(null, _signing.Finish(now), false);
        var verdicts = await _check!.FinishAsync();
        byte[] fields = [.. AuthenticationResults.Field(_trust.ServId, verdicts), .. _trust.MarkField(verdicts)];
        if (_sealer is not null) fields = [.. _check.Seal(verdicts, _trust.ServId, _sealer), .. fields];
        return new Proven(verdicts, fields, _trust.IsVouchedFor(verdicts));
    }

    public void Dispose()
    {
        _check?.Dispose();
        _signing?.Dispose();
    }
}

/// <param name="Verdicts">Null for what we have signed ourselves.</param>
/// <param name="Fields">To be put before the message.</param>
/// <param name="IsVouchedFor">Sealers that are trusted have seen DMARC pass.</param>
internal sealed record Proven(MailVerdicts? Verdicts, byte[] Fields, bool IsVouchedFor)
{
    /// <summary>What the author's domain asks for, unless somebody who is trusted vouches for the message.</summary>
    public DmarcPolicy Policy => IsVouchedFor ? DmarcPolicy.None : Verdicts?.Dmarc is { Result: AuthResult.Fail } dmarc ? dmarc.Policy
        : DmarcPolicy.None;

    /// <summary>What the author's domain wants to hear of it; null when that asks for no reports.</summary>
    public DmarcObservation? Seen(Origin origin, Envelope envelope, bool refused, bool junk)
    {
        if (Verdicts is not { Dmarc: { } dmarc } || origin.Remote is not { } client) return null;
        var disposition = dmarc.Result == AuthResult.Pass ? Disposition.Pass
            : refused ? Disposition.Reject : junk ? Disposition.Quarantine : Disposition.None;
        var milder = dmarc is { Result: AuthResult.Fail, Policy: not DmarcPolicy.None } && disposition == Disposition.None;
        var otherwise = !milder ? null : IsVouchedFor ? "arc=pass" : "the receiving domain is milder";
        return DmarcObservation.Of(Verdicts, client, envelope.From.ToString(), disposition, otherwise);
    }

    /// <summary>What the author's domain wants to hear of this one message; null when that asks for nothing.</summary>
    public FailureNotice? Failure(
        Origin origin, Envelope envelope, bool refused, bool junk, ReadOnlySpan<byte> header, Domain reporter, DateTimeOffset now)
    {
        if (Verdicts is not { } verdicts || origin.Remote is not { } client) return null;
        var disposition = refused ? Disposition.Reject : junk ? Disposition.Quarantine : Disposition.None;
        return FailureNotice.Of(verdicts, client, envelope.From.ToString(), disposition, header, reporter, now);
    }

    /// <summary>For the journey: everything that was found out, in one line.</summary>
    public string Evidence
    {
        get
        {
            if (Verdicts is null) return "";
            var words = AuthenticationResults.Payload(Verdicts).Split([' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
            return string.Join(' ', words).TrimStart(';', ' ');
        }
    }

    /// <summary>For the log: each method with its result.</summary>
    public string Summary
    {
        get
        {
            if (Verdicts is not { } verdicts) return "";
            var spf = verdicts.Spf.Count > 0 ? verdicts.Spf[^1].Result : AuthResult.None;
            var dkim = string.Join(", ", verdicts.Dkim.Select(static one => $"{one.Result.Keyword()} ({one.Domain})").DefaultIfEmpty("none"));
            var (arc, dmarc) = (verdicts.Arc!.Result, verdicts.Dmarc!.Result);
            return $"spf={spf.Keyword()} dkim={dkim} arc={arc.Keyword()} dmarc={dmarc.Keyword()}";
        }
    }
}
