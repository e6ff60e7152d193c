namespace Posthorn.Trust;

/// <summary>What one message, one record and one answer may cost this room. See docs/limits.md.</summary>
internal static class TrustLimits
{
    /// <summary>Terms of SPF records that ask the name system, for one check (RFC 7208 §4.6.4).</summary>
    public const int SpfLookupsMax = 10;

    /// <summary>Questions of one SPF check that may have no answer (RFC 7208 §4.6.4).</summary>
    public const int SpfVoidLookupsMax = 2;

    /// <summary>Exchanges of one mx term, and names of one address (RFC 7208 §4.6.4).</summary>
    public const int SpfNamesMax = 10;

    /// <summary>Characters of an SPF record.</summary>
    public const int SpfRecordCharsMax = 8 * 1024;

    /// <summary>Characters of an explanation that are kept.</summary>
    public const int SpfExplanationCharsMax = 400;

    /// <summary>How long one SPF check may take (RFC 7208 §4.6.4).</summary>
    public static readonly TimeSpan SpfTimeout = TimeSpan.FromSeconds(20);
}
