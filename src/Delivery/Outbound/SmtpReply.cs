using System.Buffers;
using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>One reply of a server (RFC 5321 §4.2), or our own words for why there is none.</summary>
/// <param name="Code">0 when there was no reply: the connection is of no more use then.</param>
/// <param name="Status">The enhanced code the server gave (RFC 2034), or one that its code stands for.</param>
/// <param name="Text">On one line, without code and enhanced code; no control characters.</param>
/// <param name="Lines">The text line by line, as EHLO needs it.</param>
internal sealed record SmtpReply(int Code, string Status, string Text, IReadOnlyList<string> Lines)
{
    public bool IsPositive => Code / 100 == 2;

    public bool IsPermanent => Code / 100 == 5;

    /// <summary>The server wants what follows: 354 and 334.</summary>
    public bool IsIntermediate => Code / 100 == 3;

    public bool IsLost => Code == 0;

    /// <summary>The connection ended, in our words.</summary>
    public static SmtpReply Lost(string why) => new(0, "4.4.2", why, []); // RFC 3463 §3.5

    /// <summary>The code, the enhanced code and the words, on one line.</summary>
    public override string ToString() => IsLost ? Text : $"{Code} {Status} {Text}".TrimEnd();
}

/// <summary>Puts the lines of one reply together.</summary>
internal sealed class SmtpReplyParser
{
    private readonly List<string> _lines = [];
    private int _code;
    private string? _status;

    /// <summary>What is wrong with the last line; null when it was one of a reply.</summary>
    public string? Fault { get; private set; }

    /// <summary>Takes the next line.</summary>
    /// <returns>The reply when this was its last line.</returns>
    public SmtpReply? Take(ReadOnlySequence<byte> line)
    {
        var reader = new GrammarReader(line);
        if (!TryLine(ref reader, out var code, out var last, out var status, out var text))
        {
            Fault = "the server does not speak SMTP: " + reader.Fault;
            return null;
        }
        if (_lines.Count > 0 && code != _code)
        {
            Fault = $"the lines of one reply begin with {_code} and {code}";
            return null;
        }
        _code = code;
        _status ??= status;
        _lines.Add(text);
        if (!last && _lines.Count < OutboundLimits.ReplyLinesMax) return null;
        if (!last)
        {
            Fault = $"a reply of more than {OutboundLimits.ReplyLinesMax} lines";
            return null;
        }
        var whole = string.Join(' ', _lines.Where(part => part.Length > 0));
        if (whole.Length > OutboundLimits.ReplyTextMax) whole = whole[..OutboundLimits.ReplyTextMax];
        return new SmtpReply(code, _status ?? StatusOf(code), whole, _lines);
    }

    // RFC 5321 §4.2: three digits, then a hyphen when more lines follow. Some servers end the last line after the digits.
    private static bool TryLine(ref GrammarReader reader, out int code, out bool last, out string? status, out string text)
    {
        (last, status, text) = (true, null, "");
        if (!TryCode(ref reader, out code)) return false;
        if (reader.End) return true;
        last = !reader.TryByte((byte)'-');
        if (last && !reader.ExpectSpace()) return false;
        var mark = reader;
        // RFC 2034 §4: an enhanced code whose class is not that of the reply code means nothing.
        if (TryStatus(ref reader, out var said) && said[0] - '0' == code / 100) status = said;
        else reader.Restore(mark);
        text = OneLine(reader.Unread);
        return true;
    }

    private static bool TryCode(ref GrammarReader reader, out int code)
    {
        code = 0;
        if (!reader.ExpectText(ByteClass.Digit, 3, "reply code", out var digits)) return false;
        code = int.Parse(digits, CultureInfo.InvariantCulture);
        return code is >= 200 and < 600 || reader.Missing("reply code");
    }

    // RFC 3463 §2: class "." subject "." detail
    private static bool TryStatus(ref GrammarReader reader, out string status)
    {
        status = "";
        if (!reader.TryText(ByteClass.Digit, 1, out var kind) || kind is not ("2" or "4" or "5")
            || !reader.TryByte((byte)'.') || !reader.TryText(ByteClass.Digit, 3, out var subject)
            || !reader.TryByte((byte)'.') || !reader.TryText(ByteClass.Digit, 3, out var detail)) return false;
        if (!reader.End && !reader.TrySpace()) return false;
        status = $"{kind}.{subject}.{detail}";
        return true;
    }

    private static string OneLine(ReadOnlySequence<byte> octets)
    {
        var text = Encoding.UTF8.GetString(octets);
        return string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
    }

    // For servers without RFC 2034: as much as the code alone says (RFC 5321 §4.2.2, RFC 7504, RFC 3463 §3).
    private static string StatusOf(int code) => code switch
    {
        421 => "4.3.2",
        452 => "4.3.1",
        454 => "4.7.0",
        500 or 502 => "5.5.1",
        501 or 504 => "5.5.4",
        503 => "5.5.1",
        521 => "5.3.2",
        530 or 534 or 538 => "5.7.0",
        535 => "5.7.8",
        552 => "5.2.2",
        553 => "5.1.3",
        555 => "5.5.4",
        556 => "5.1.10",
        _ => $"{code / 100}.0.0",
    };
}
