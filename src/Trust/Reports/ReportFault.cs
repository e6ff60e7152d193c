using System.Text.Json;

namespace Posthorn.Trust;

/// <summary>Why a report is not taken. The names are stored and shown, in kebab case.</summary>
public enum ReportFaultKind
{
    /// <summary>The message or the unpacked report has too many octets.</summary>
    TooLarge = 1,

    /// <summary>There is another archive inside of the archive.</summary>
    CompressedTwice = 2,

    DamagedArchive = 3,

    /// <summary>An archive with several files, or none.</summary>
    SeveralFiles = 4,

    EncryptedArchive = 5,

    BadUtf8 = 6,

    /// <summary>A document type or an entity of its own: no report needs one, and bombs are made of them.</summary>
    DocumentType = 7,

    MalformedXml = 8,

    MalformedJson = 9,

    TooDeep = 10,

    TooManyRecords = 11,

    /// <summary>Something that every report has is not there.</summary>
    MissingField = 12,

    /// <summary>A field holds what it cannot hold.</summary>
    WrongValue = 13,

    /// <summary>It ends before it begins, in the future, too long ago, or spans too much.</summary>
    WrongDates = 14,

    /// <summary>It is about a domain that is not of this server.</summary>
    WrongDomain = 15,

    /// <summary>More reports about the domain than a day has.</summary>
    TooManyReports = 16,
}

/// <summary>A report's refusal: the name of the reason, and one sentence.</summary>
public sealed record ReportFault(ReportFaultKind Kind, string Detail)
{
    /// <summary>As <c>compressed-twice</c>.</summary>
    public string Name => NameOf(Kind);

    public static string NameOf(ReportFaultKind kind) => JsonNamingPolicy.KebabCaseLower.ConvertName(kind.ToString());

    public override string ToString() => $"{Name}: {Detail}";
}

/// <summary>Carries a fault out of a reader; caught where the reading began.</summary>
public sealed class ReportFaultException(ReportFaultKind kind, string detail) : Exception(detail)
{
    public ReportFault Fault { get; } = new(kind, detail);
}
