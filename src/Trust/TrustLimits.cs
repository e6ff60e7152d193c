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

    /// <summary>Tags of a signature, a key or a policy.</summary>
    public const int TagsMax = 64;

    /// <summary>Octets of a header that signatures are verified in, and of one that is signed.</summary>
    public const int HeaderOctetsMax = 256 * 1024;

    /// <summary>DKIM signatures of one message that are looked at.</summary>
    public const int SignaturesMax = 8;

    /// <summary>Names in the list of signed fields.</summary>
    public const int SignedFieldsMax = 128;

    /// <summary>Octets of a name in the list of signed fields.</summary>
    public const int FieldNameOctetsMax = 128;

    /// <summary>Keys at one name that are tried.</summary>
    public const int KeyRecordsMax = 4;

    /// <summary>Keys that stay ready to be used.</summary>
    public const int KeysRememberedMax = 2000;

    /// <summary>The shortest RSA key whose signature counts (RFC 8301 §3.2).</summary>
    public const int RsaBitsMin = 1024;

    /// <summary>The longest RSA key that is worth its time.</summary>
    public const int RsaBitsMax = 4096;

    /// <summary>How long answers are waited for after a message has ended.</summary>
    public static readonly TimeSpan AnswersTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Sets of one chain (RFC 8617 §4.2.1).</summary>
    public const int ArcSetsMax = 50;

    /// <summary>Names that are asked for a policy, from one domain up (RFC 9989 §4.10).</summary>
    public const int DmarcLookupsMax = 8;

    /// <summary>Domains in From that are asked for a policy.</summary>
    public const int AuthorDomainsMax = 4;

    /// <summary>Octets of a From field that are looked at.</summary>
    public const int FromOctetsMax = 16 * 1024;

    /// <summary>Names of a client that are looked up for iprev (RFC 8601 §3).</summary>
    public const int ReverseNamesMax = 5;

    /// <summary>Characters of a value in Authentication-Results.</summary>
    public const int ResultValueCharsMax = 256;

    /// <summary>Characters of a BIMI record.</summary>
    public const int BimiRecordCharsMax = 4 * 1024;

    /// <summary>Octets of the file with a mark certificate.</summary>
    public const int MarkFileOctetsMax = 512 * 1024;

    /// <summary>Certificates in that file.</summary>
    public const int MarkCertificatesMax = 8;

    /// <summary>Octets of a mark's image, unpacked; the profile asks for 32 KB at most, some are larger.</summary>
    public const int IndicatorOctetsMax = 64 * 1024;

    /// <summary>How long a message waits for a mark that is not known yet.</summary>
    public static readonly TimeSpan BimiTimeout = TimeSpan.FromSeconds(3);
}
