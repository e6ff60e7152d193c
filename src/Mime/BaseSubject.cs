namespace Posthorn.Mime;

/// <summary>RFC 5256 §2.1: the subject without the marks of replying and forwarding.</summary>
public static class BaseSubject
{
    private const int SubjectCharsMax = 1024;

    /// <param name="subject">The decoded subject.</param>
    public static string Of(string subject) => Of(subject, out _);

    /// <param name="subject">The decoded subject.</param>
    /// <param name="isReplyOrForward">Whether a mark was found.</param>
    public static string Of(string subject, out bool isReplyOrForward)
    {
        isReplyOrForward = false;
        if (subject.Length > SubjectCharsMax) subject = subject[..SubjectCharsMax];
        var text = Collapse(subject).AsSpan(); // (1)
        while (true)
        {
            while (EndsWith(text, "(fwd)")) // (2)
            {
                text = text[..^5].TrimEnd();
                isReplyOrForward = true;
            }
            bool changed;
            do // (5): until neither (3) nor (4) finds anything
            {
                changed = SkipLeader(ref text, ref isReplyOrForward);
                changed |= SkipBlob(ref text);
            }
            while (changed);
            // (6)
            if (!text.StartsWith("[fwd:", StringComparison.OrdinalIgnoreCase) || text[^1] != ']') return text.ToString();
            text = text[5..^1].Trim();
            isReplyOrForward = true;
        }
    }

    private static bool EndsWith(ReadOnlySpan<char> text, string trailer) => text.EndsWith(trailer, StringComparison.OrdinalIgnoreCase);

    private static string Collapse(string subject)
    {
        var collector = new TextCollector(SubjectCharsMax);
        collector.Add(subject);
        return collector.ToString();
    }

    // subj-leader = (*subj-blob subj-refwd) / WSP;  subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
    private static bool SkipLeader(ref ReadOnlySpan<char> text, ref bool isReplyOrForward)
    {
        var trimmed = text.TrimStart();
        var rest = trimmed;
        while (TryBlob(ref rest))
        {
        }
        var length = rest.StartsWith("fwd", StringComparison.OrdinalIgnoreCase) ? 3
            : rest.StartsWith("re", StringComparison.OrdinalIgnoreCase) || rest.StartsWith("fw", StringComparison.OrdinalIgnoreCase) ? 2 : 0;
        if (length > 0)
        {
            rest = rest[length..].TrimStart();
            TryBlob(ref rest);
            if (!rest.IsEmpty && rest[0] == ':')
            {
                text = rest[1..].TrimStart();
                isReplyOrForward = true;
                return true;
            }
        }
        var changed = trimmed.Length != text.Length;
        text = trimmed;
        return changed;
    }

    // (4): a leading blob goes, unless nothing would be left.
    private static bool SkipBlob(ref ReadOnlySpan<char> text)
    {
        var rest = text;
        if (!TryBlob(ref rest) || rest.IsEmpty) return false;
        text = rest;
        return true;
    }

    // subj-blob = "[" *BLOBCHAR "]" *WSP
    private static bool TryBlob(ref ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || text[0] != '[') return false;
        var close = text[1..].IndexOfAny('[', ']');
        if (close < 0 || text[close + 1] != ']') return false;
        text = text[(close + 2)..].TrimStart();
        return true;
    }
}
