namespace Posthorn.Admin;

public enum DnsRecordState
{
    Published,

    /// <summary>There is no such record.</summary>
    Missing,

    /// <summary>There are others of its kind.</summary>
    Different,

    /// <summary>The domain name system did not answer.</summary>
    Unknown,
}

/// <summary>A record that should be published, and what is.</summary>
/// <param name="Name">The owner, without the trailing dot.</param>
/// <param name="Value">As a master file has it (RFC 1035 §5.1); null when only the operator knows it, such as the machine's own address.</param>
/// <param name="Found">The values that are published.</param>
/// <param name="Purpose">What it is for, in one sentence.</param>
public sealed record DnsRecordView(
    string Name, string Type, int TtlSeconds, string? Value, string Purpose, DnsRecordState State, IReadOnlyList<string> Found);

public sealed record DnsReport(string Domain, IReadOnlyList<DnsRecordView> Records);
