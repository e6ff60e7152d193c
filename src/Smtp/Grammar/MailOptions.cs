using System.Globalization;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Smtp;

/// <summary>The parameters of MAIL as they were read. What they ask for counts from the moment when they are taken.</summary>
internal record struct MailOptions()
{
    private const ulong SecondsMax = 999_999_999; // RFC 4865 §4, RFC 2852 §4: at most nine digits

    /// <summary>SIZE (RFC 1870); 0 when it was not declared.</summary>
    public long SizeOctets { get; private set; }

    /// <summary>SMTPUTF8 (RFC 6531).</summary>
    public bool Utf8 { get; private set; }

    /// <summary>HOLDFOR (RFC 4865).</summary>
    public TimeSpan? HoldFor { get; private set; }

    /// <summary>HOLDUNTIL (RFC 4865).</summary>
    public DateTimeOffset? HoldUntil { get; private set; }

    /// <summary>The time of BY (RFC 2852), with its flags in <see cref="ByReturns"/> and <see cref="ByTrace"/>.</summary>
    public TimeSpan? ByTime { get; private set; }

    public bool ByReturns { get; private set; }

    public bool ByTrace { get; private set; }

    /// <summary>MT-PRIORITY (RFC 6710).</summary>
    public int Priority { get; private set; }

    /// <summary>What needs no clock.</summary>
    public MailParameters Parameters { get; private set; } = MailParameters.None;

    /// <summary>The first parameter that nobody knows.</summary>
    public string? Unknown { get; private set; }

    /// <summary>Reads one. AUTH is read and not believed (RFC 4954 §5). Python's smtplib repeats SIZE: the last one counts.</summary>
    public static bool ExpectParameter(ref GrammarReader r, ref MailOptions o)
    {
        if (r.TryKeyword("SIZE="u8))
        {
            if (!r.ExpectSize(out var size)) return false;
            o.SizeOctets = size;
            return true;
        }
        if (r.TryKeyword("BODY="u8)) return o.ExpectBody(ref r);
        if (r.TryKeyword("SMTPUTF8"u8)) return o.Utf8 = true;
        if (r.TryKeyword("AUTH="u8)) return r.ExpectValue();
        if (r.TryKeyword("RET="u8)) return o.ExpectReturn(ref r);
        if (r.TryKeyword("ENVID="u8)) return o.ExpectEnvelopeId(ref r);
        if (r.TryKeyword("REQUIRETLS"u8))
        {
            o.Parameters = o.Parameters with { RequireTls = true };
            return true;
        }
        if (r.TryKeyword("HOLDFOR="u8)) return o.ExpectHoldFor(ref r);
        if (r.TryKeyword("HOLDUNTIL="u8)) return o.ExpectHoldUntil(ref r);
        if (r.TryKeyword("BY="u8)) return o.ExpectBy(ref r);
        if (r.TryKeyword("MT-PRIORITY="u8)) return o.ExpectPriority(ref r);
        if (!r.ExpectUnknownParameter(out var keyword)) return false;
        o.Unknown ??= keyword;
        return true;
    }

    private bool ExpectBody(ref GrammarReader r)
    {
        if (r.TryKeyword("BINARYMIME"u8))
        {
            Parameters = Parameters with { Body = BodyType.BinaryMime };
            return true;
        }
        // Nearly every message has one of these, and they say nothing that its octets do not.
        return r.TryKeyword("8BITMIME"u8) || r.TryKeyword("7BIT"u8) || r.Missing("7BIT, 8BITMIME or BINARYMIME");
    }

    // RFC 3461 §4.3; §5.1 (a): twice is an error.
    private bool ExpectReturn(ref GrammarReader r)
    {
        if (Parameters.Return != DsnReturn.Undeclared) return r.Missing("one RET");
        var wanted = r.TryKeyword("FULL"u8) ? DsnReturn.Full : r.TryKeyword("HDRS"u8) ? DsnReturn.Headers : default;
        if (wanted == default) return r.Missing("FULL or HDRS");
        Parameters = Parameters with { Return = wanted };
        return true;
    }

    // RFC 3461 §4.4
    private bool ExpectEnvelopeId(ref GrammarReader r)
    {
        if (Parameters.EnvelopeId is not null) return r.Missing("one ENVID");
        if (!r.ExpectText(SmtpGrammar.XtextBytes, SmtpLimits.EnvelopeIdOctetsMax, "xtext", out var encoded)) return false;
        if (!Xtext.TryDecode(encoded, out var id)) return r.Missing("xtext");
        Parameters = Parameters with { EnvelopeId = id };
        return true;
    }

    // RFC 4865 §4: future-release-integer is positive.
    private bool ExpectHoldFor(ref GrammarReader r)
    {
        if (HoldFor is not null || HoldUntil is not null) return r.Missing("one HOLDFOR or HOLDUNTIL");
        if (!r.ExpectNumber(SecondsMax, "future-release-interval", out var seconds)) return false;
        if (seconds == 0) return r.Missing("future-release-interval");
        HoldFor = TimeSpan.FromSeconds((long)seconds);
        return true;
    }

    // RFC 4865 §4: an RFC 3339 date-time in UTC.
    private bool ExpectHoldUntil(ref GrammarReader r)
    {
        if (HoldFor is not null || HoldUntil is not null) return r.Missing("one HOLDFOR or HOLDUNTIL");
        if (!r.ExpectText(SmtpGrammar.DateTimeBytes, SmtpLimits.DateTimeOctetsMax, "future-release-date-time", out var text)) return false;
        if (!DateTimeOffset.TryParseExact(
            text.ToUpperInvariant(), "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var until))
        {
            return r.Missing("future-release-date-time");
        }
        HoldUntil = until;
        return true;
    }

    // RFC 2852 §4: by-time ";" by-mode [by-trace]
    private bool ExpectBy(ref GrammarReader r)
    {
        if (ByTime is not null) return r.Missing("one BY");
        var negative = r.TryByte((byte)'-');
        if (!negative) r.TryByte((byte)'+');
        if (!(r.ExpectNumber(SecondsMax, "by-time", out var seconds) && r.ExpectByte((byte)';', ";"))) return false;
        ByReturns = r.TryKeyword("R"u8);
        if (!ByReturns && !r.ExpectKeyword("N"u8)) return false;
        ByTrace = r.TryKeyword("T"u8);
        if (ByReturns && (negative || seconds == 0)) return r.Missing("by-time above zero");
        ByTime = TimeSpan.FromSeconds(negative ? -(long)seconds : (long)seconds);
        return true;
    }

    // RFC 6710 §3
    private bool ExpectPriority(ref GrammarReader r)
    {
        var negative = r.TryByte((byte)'-');
        if (!r.ExpectNumber(9, "priority", out var level) || (negative && level == 0)) return r.Missing("priority");
        Priority = negative ? -(int)level : (int)level;
        return true;
    }
}
