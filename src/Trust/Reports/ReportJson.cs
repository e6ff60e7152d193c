using System.Text.Json.Serialization;

namespace Posthorn.Trust;

/// <summary>How the parts of a report are stored that nobody searches for.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AggregateRecord))]
[JsonSerializable(typeof(AggregateReport))]
[JsonSerializable(typeof(FeedbackReport))]
[JsonSerializable(typeof(TlsReport))]
[JsonSerializable(typeof(ReportFault))]
[JsonSerializable(typeof(PublishedPolicy))]
[JsonSerializable(typeof(RecordResults))]
[JsonSerializable(typeof(TlsFailure))]
internal sealed partial class ReportJson : JsonSerializerContext;

/// <summary>What a record of an aggregate report has lists of.</summary>
internal sealed record RecordResults(
    IReadOnlyList<ReportedDkim> Dkim, IReadOnlyList<ReportedSpf> Spf, IReadOnlyList<OverrideReason> Reasons, string? EnvelopeTo);
