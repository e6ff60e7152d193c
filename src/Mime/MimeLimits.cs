namespace Posthorn.Mime;

/// <summary>What one message may cost. A message beyond a limit is still a message: what is past the limit stays opaque.</summary>
public static class MimeLimits
{
    /// <summary>Levels of multiparts and enclosed messages; a part below them is a leaf whose inside nobody looks at.</summary>
    public const int DepthMax = 100;

    /// <summary>Parts of one message; the octets after the last of them belong to the parts that are open there.</summary>
    public const int PartsMax = 10_000;

    /// <summary>Octets of one header field; a longer one ends the reading of the structure, as the parts limit does.</summary>
    public const int HeaderFieldOctetsMax = 512 * 1024;

    /// <summary>Octets of all header blocks of one message together.</summary>
    public const int HeadersOctetsMax = 16 * 1024 * 1024;

    /// <summary>Header fields of all header blocks of one message together.</summary>
    public const int HeaderFieldsMax = 100_000;

    /// <summary>Header fields in the stored index of the top-level header; <see cref="HeaderIndex.IsComplete"/> tells whether they are all.</summary>
    public const int IndexedHeadersMax = 2_000;

    /// <summary>Octets of an unstructured value in an envelope (Subject, Message-ID); longer ones are cut.</summary>
    public const int EnvelopeValueOctetsMax = 16 * 1024;

    /// <summary>Octets of one stored envelope, addresses included; the addresses beyond are left out.</summary>
    public const int EnvelopeOctetsMax = 512 * 1024;

    /// <summary>Octets of one value in a body structure (a parameter, a description); longer ones are cut.</summary>
    public const int StructureValueOctetsMax = 2 * 1024;

    /// <summary>Parameters of one Content-Type or Content-Disposition, and tags of one Content-Language.</summary>
    public const int ParametersMax = 64;

    /// <summary>Octets of values that one stored structure may hold before reading stops as at <see cref="PartsMax"/>.</summary>
    public const int StructureOctetsMax = 2 * 1024 * 1024;

    /// <summary>Message ids kept of References and In-Reply-To: the first one and the last ones.</summary>
    public const int ReferencesMax = 128;

    /// <summary>Octets of one kept message id; a longer one is not an id.</summary>
    public const int MessageIdOctetsMax = 996;

    /// <summary>RFC 8970 §3.1: characters of a preview.</summary>
    public const int PreviewCharsMax = 256;

    /// <summary>Encoded octets of a text part that are looked at for the preview; HTML has its styles first.</summary>
    public const int PreviewSourceOctetsMax = 64 * 1024;

    /// <summary>Characters of search text that are taken from one message.</summary>
    public const int SearchCharsMax = 4 * 1024 * 1024;
}
