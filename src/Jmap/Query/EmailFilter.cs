using System.Globalization;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>The filter of Email/query: a tree whose leaves are properties of conditions.</summary>
internal sealed class EmailFilter
{
    private readonly FilterNode<EmailTest[]>? _tree;
    private readonly EmailTest[] _tests;

    private EmailFilter(FilterNode<EmailTest[]>? tree)
    {
        _tree = tree;
        _tests = [.. tree?.Conditions.SelectMany(static c => c) ?? []];
    }

    public bool LooksAtThreads => _tests.Any(static t => t.LooksAtThreads);

    public IEnumerable<WordTest> WordTests => _tests.OfType<WordTest>();

    /// <summary>The mailbox that every result lies in, when the filter says so at its top.</summary>
    public InMailboxTest? Scope => Top(_tree).OfType<InMailboxTest>().FirstOrDefault();

    public static EmailFilter Read(MethodCall call, AccountId account) =>
        new(FilterReader.Read(call.Arguments, (condition, path) => Condition(call, account, condition, path)));

    public Verdict Test(EmailCandidate candidate, QueryScope scope) =>
        _tree?.Evaluate(tests => Test(tests, candidate, scope)) ?? Verdict.Yes;

    private static Verdict Test(EmailTest[] tests, EmailCandidate candidate, QueryScope scope)
    {
        var verdict = Verdict.Yes;
        foreach (var test in tests)
        {
            var found = test.Test(candidate, scope);
            if (found == Verdict.No) return found;
            if (found == Verdict.Unknown) verdict = found;
        }
        return verdict;
    }

    private static IEnumerable<EmailTest> Top(FilterNode<EmailTest[]>? node) => node switch
    {
        FilterNode<EmailTest[]>.Condition one => one.Test,
        FilterNode<EmailTest[]>.Operation { Operator: FilterOperator.And } all => all.Parts.SelectMany(Top),
        _ => [],
    };

    private static EmailTest[] Condition(MethodCall call, AccountId account, JsonElement condition, string path) =>
        [.. condition.EnumerateObject().Select(property => Test(call, account, property.Name, property.Value, path + "/" + property.Name))];

    private static EmailTest Test(MethodCall call, AccountId account, string name, JsonElement value, string path)
    {
        switch (name)
        {
            case "inMailbox": return new InMailboxTest(Mailbox(call, account, value, path));
            case "inMailboxOtherThan": return new OtherMailboxTest(Mailboxes(call, account, value, path));
            case "before":
                var before = Time(value, path);
                return new RowTest(row => row.ReceivedAt < before);
            case "after":
                var after = Time(value, path);
                return new RowTest(row => row.ReceivedAt >= after);
            case "minSize":
                var min = Number(value, path);
                return new RowTest(row => row.SizeBytes >= min);
            case "maxSize":
                var max = Number(value, path);
                return new RowTest(row => row.SizeBytes < max);
            case "allInThreadHaveKeyword": return new ThreadKeywordTest(Keyword(value, path), ThreadQuantity.All);
            case "someInThreadHaveKeyword": return new ThreadKeywordTest(Keyword(value, path), ThreadQuantity.Some);
            case "noneInThreadHaveKeyword": return new ThreadKeywordTest(Keyword(value, path), ThreadQuantity.None);
            case "hasKeyword": return new KeywordTest(Keyword(value, path), true);
            case "notKeyword": return new KeywordTest(Keyword(value, path), false);
            case "hasAttachment":
                if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) throw MethodErrorException.Invalid(path,
                    "a Boolean is needed");
                var has = value.GetBoolean();
                return new RowTest(row => row.HasAttachment == has);
            case "text": return new TextTest(TextField.Any, SearchTerms.Parse(Text(value, path)));
            case "from": return new TextTest(TextField.From, SearchTerms.Parse(Text(value, path)));
            case "to": return new TextTest(TextField.To, SearchTerms.Parse(Text(value, path)));
            case "cc": return new TextTest(TextField.Cc, SearchTerms.Parse(Text(value, path)));
            case "bcc": return new TextTest(TextField.Bcc, SearchTerms.Parse(Text(value, path)));
            case "subject": return new TextTest(TextField.Subject, SearchTerms.Parse(Text(value, path)));
            case "body": return new TextTest(TextField.Body, SearchTerms.Parse(Text(value, path)));
            case "header": return Header(value, path);
            default: throw new MethodErrorException("unsupportedFilter", path + ": there is no such condition");
        }
    }

    private static HeaderTest Header(JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is not (1 or 2)) throw MethodErrorException.Invalid(path,
            "one or two Strings are needed");
        return new HeaderTest(Text(value[0], path + "/0"), value.GetArrayLength() == 2 ? Text(value[1], path + "/1") : null);
    }

    // A mailbox that is not there has no Emails in it.
    private static MailboxId? Mailbox(MethodCall call, AccountId account, JsonElement value, string path) =>
        call.Resolve(Text(value, path)) is { } id && ObjectId.TryMailbox(id, account, out var mailbox) ? mailbox : null;

    private static HashSet<MailboxId> Mailboxes(MethodCall call, AccountId account, JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Array) throw MethodErrorException.Invalid(path, "an array is needed");
        var mailboxes = new HashSet<MailboxId>();
        var at = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (Mailbox(call, account, item, path + "/" + at++) is { } mailbox) mailboxes.Add(mailbox);
        }
        return mailboxes;
    }

    private static string Text(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw MethodErrorException.Invalid(path, "a String is needed");

    private static string Keyword(JsonElement value, string path) => Text(value, path).ToLowerInvariant();

    private static long Number(JsonElement value, string path) =>
        Arguments.TryWhole(value, out var number) && number >= 0 ? number : throw MethodErrorException.Invalid(path, "an UnsignedInt is needed");

    private static DateTimeOffset Time(JsonElement value, string path) =>
        Dates.TryParseUtc(Text(value, path), out var at) ? at : throw MethodErrorException.Invalid(path, "a UTCDate is needed");
}

/// <summary>Date and UTCDate (RFC 8620 §1.4, RFC 3339).</summary>
internal static class Dates
{
    private static readonly string[] Utc = ["yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'"];
    private static readonly string[] Any = [.. Utc, "yyyy-MM-dd'T'HH:mm:sszzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz"];

    public static bool TryParseUtc(string text, out DateTimeOffset at) =>
        DateTimeOffset.TryParseExact(text, Utc, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out at);

    public static bool TryParse(string text, out DateTimeOffset at) =>
        DateTimeOffset.TryParseExact(text, Any, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out at);
}
