using System.Text;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Smtp;

/// <summary>The parameters of RCPT as they were read (RFC 3461 §4.1, §4.2).</summary>
internal record struct RcptOptions()
{
    public RcptParameters Parameters { get; private set; } = RcptParameters.None;

    /// <summary>The original recipient is written in UTF-8 (RFC 6533 §3).</summary>
    public bool Utf8 { get; private set; }

    /// <summary>The first parameter that nobody knows.</summary>
    public string? Unknown { get; private set; }

    public static bool ExpectParameter(ref GrammarReader r, ref RcptOptions o)
    {
        if (r.TryKeyword("NOTIFY="u8)) return o.ExpectNotify(ref r);
        if (r.TryKeyword("ORCPT="u8)) return o.ExpectOriginal(ref r);
        if (!r.ExpectUnknownParameter(out var keyword)) return false;
        o.Unknown ??= keyword;
        return true;
    }

    // NEVER stands alone; the others are a list.
    private bool ExpectNotify(ref GrammarReader r)
    {
        if (Parameters.Notify != DsnNotify.Undeclared) return r.Missing("one NOTIFY");
        var notify = DsnNotify.Never;
        if (!r.TryKeyword("NEVER"u8))
        {
            notify = DsnNotify.Undeclared;
            do
            {
                var one = r.TryKeyword("SUCCESS"u8) ? DsnNotify.Success : r.TryKeyword("FAILURE"u8) ? DsnNotify.Failure
                    : r.TryKeyword("DELAY"u8) ? DsnNotify.Delay : DsnNotify.Undeclared;
                if (one == DsnNotify.Undeclared) return r.Missing("NEVER, SUCCESS, FAILURE or DELAY");
                notify |= one;
            }
            while (r.TryByte((byte)','));
        }
        Parameters = Parameters with { Notify = notify };
        return true;
    }

    private bool ExpectOriginal(ref GrammarReader r)
    {
        if (Parameters.OriginalRecipient is not null) return r.Missing("one ORCPT");
        if (!r.ExpectText(ByteClass.LetDigHyphen, SmtpLimits.KeywordOctetsMax, "addr-type", out var type)) return false;
        if (!r.ExpectByte((byte)';', ";")) return false;
        if (!r.ExpectRun(SmtpGrammar.OriginalBytes, SmtpLimits.OriginalRecipientOctetsMax, "xtext", out var run)) return false;
        var encoded = Encoding.UTF8.GetString(run);
        var isUtf8 = type.Equals("utf-8", StringComparison.OrdinalIgnoreCase);
        if (encoded.Contains('\uFFFD', StringComparison.Ordinal)) return r.Missing("xtext");
        if (!(isUtf8 ? Xtext.TryDecodeUtf8(encoded, out var address) : Xtext.TryDecode(encoded, out address))) return r.Missing("xtext");
        Utf8 = !Ascii.IsValid(encoded);
        Parameters = Parameters with { OriginalRecipient = type + ";" + address };
        return true;
    }
}
