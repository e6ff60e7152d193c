using System.Text;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>SearchSnippet/get (RFC 8621 §5.1).</summary>
internal static class SearchSnippetGet
{
    private const int PreviewOctetsMax = 255;

    /// <summary>Characters that stand before the first match.</summary>
    private const int LeadChars = 40;

    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only("accountId", "filter", "emailIds");
        var account = call.Account();
        var ids = call.Arguments.Ids("emailIds") ?? throw MethodErrorException.Invalid("emailIds", "an array is needed");
        var filter = EmailFilter.Read(call, account);
        var inSubject = Words(filter, TextField.Subject);
        var inBody = Words(filter, TextField.Body);
        var (asked, missing) = EmailGet.Resolve(call, account, ids);
        var subjects = new string?[asked.Count];
        _ = await call.Store.Emails.ReadAsync(
            account, asked.Select(static a => a.Email).ToArray(), DetailParts.Envelope,
            (int index, in EmailDetail detail, EmailPlaces _) =>
            {
                var subject = new EnvelopeView(detail.Envelope).Subject;
                subjects[index] = subject.IsNil ? "" : HeaderText.Decode(subject.Octets);
            },
            call.Cancellation);
        var json = call.Json;
        json.WriteStartObject();
        call.WriteAccount(account);
        json.WriteStartArray("list"u8);
        for (var i = 0; i < asked.Count; i++)
        {
            if (subjects[i] is not { } subject)
            {
                missing.Add(asked[i].Id);
                continue;
            }
            json.WriteStartObject();
            json.WriteString("emailId"u8, ObjectId.Of(account, asked[i].Email));
            json.WriteString("subject"u8, Marked(subject, inSubject, int.MaxValue));
            var preview = inBody.Count == 0 ? null : Preview(await BodyAsync(call, account, asked[i].Email), inBody);
            json.WriteString("preview"u8, preview);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (missing.Count == 0) json.WriteNull("notFound"u8);
        else PropertyList.WriteNotFound(json, missing);
        json.WriteEndObject();
    }

    /// <summary>The text around the first match, the matches marked, within its limit of octets; null without any.</summary>
    internal static string? Preview(string body, IReadOnlyList<string> folded)
    {
        var first = folded.Select(word => FoldedIndexOf(body, word, 0).At).Where(static at => at >= 0).DefaultIfEmpty(-1).Min();
        if (first < 0) return null;
        var start = Math.Max(0, first - LeadChars);
        if (start > 0 && body.IndexOf(' ', start, first - start) is var space and >= 0) start = space + 1;
        if (start > 0 && char.IsLowSurrogate(body[start])) start--;
        return Marked(body[start..Math.Min(body.Length, start + PreviewOctetsMax)], folded, PreviewOctetsMax);
    }

    /// <summary>The text with its matches in mark elements; null when there is none.</summary>
    internal static string? Marked(string text, IReadOnlyList<string> folded, int octetsMax)
    {
        var marked = new StringBuilder();
        var (at, octets, any) = (0, 0, false);
        while (at < text.Length)
        {
            var match = folded.Select(word => FoldedIndexOf(text, word, at)).Where(static m => m.At >= 0)
                .OrderBy(static m => m.At).ThenByDescending(static m => m.Length).FirstOrDefault((At: -1, Length: 0));
            var end = match.At < 0 ? text.Length : match.At;
            if (!Add(marked, text[at..end], octetsMax, ref octets)) break;
            if (match.At < 0) break;
            var escaped = Escaped(text.Substring(match.At, match.Length));
            var size = Encoding.UTF8.GetByteCount(escaped) + "<mark></mark>".Length;
            if (octets + size > octetsMax) break;
            marked.Append("<mark>").Append(escaped).Append("</mark>");
            (octets, at, any) = (octets + size, match.At + match.Length, true);
        }
        return any ? marked.ToString() : null;
    }

    private static bool Add(StringBuilder to, string text, int octetsMax, ref int octets)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            var escaped = Escaped(rune.ToString());
            octets += Encoding.UTF8.GetByteCount(escaped);
            if (octets > octetsMax) return false;
            to.Append(escaped);
        }
        return true;
    }

    private static string Escaped(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    // Folding may change the length of a text, so a match is measured in the text itself.
    private static (int At, int Length) FoldedIndexOf(string text, string folded, int from)
    {
        for (var at = from; at < text.Length; at++)
        {
            for (var length = Math.Max(1, folded.Length - 2); length <= folded.Length + 2 && at + length <= text.Length; length++)
            {
                var fits = UnicodeCaseMap.Fold(text.AsSpan(at, 1).ToString()) is var head && head.Length > 0 && head[0] == folded[0];
                if (!fits) break;
                if (UnicodeCaseMap.Fold(text.Substring(at, length)) == folded) return (at, length);
            }
        }
        return (-1, 0);
    }

    private static List<string> Words(EmailFilter filter, TextField field) =>
    [
        .. filter.WordTests.OfType<TextTest>().Where(test => test.Field == field || test.Field == TextField.Any)
            .SelectMany(static test => test.Terms.Folded).Where(static w => w.Length > 0).Distinct(StringComparer.Ordinal),
    ];

    private static async ValueTask<string> BodyAsync(MethodCall call, AccountId account, EmailId email)
    {
        using var message = await call.Store.Emails.OpenMessageAsync(account, email, call.Cancellation);
        if (message is null) return "";
        await using var stream = message.AsStream();
        return (await SearchText.ExtractAsync(stream, call.Cancellation)).Body;
    }
}
