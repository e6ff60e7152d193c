namespace Posthorn.Jmap;

/// <summary>What one request may cost. The session object tells clients most of these; docs/limits.md lists them by name.</summary>
internal static class JmapLimits
{
    /// <summary>maxSizeRequest: octets of a request's JSON.</summary>
    public const int RequestOctetsMax = 10 * 1024 * 1024;

    /// <summary>maxConcurrentRequests: requests of one account that run at the same time.</summary>
    public const int ConcurrentRequestsMax = 8;

    /// <summary>maxCallsInRequest.</summary>
    public const int CallsMax = 64;

    /// <summary>maxObjectsInGet.</summary>
    public const int GetObjectsMax = 1_000;

    /// <summary>maxObjectsInSet: created, updated and destroyed together.</summary>
    public const int SetObjectsMax = 1_000;

    /// <summary>maxSizeUpload: octets of an uploaded file.</summary>
    public const long UploadOctetsMax = 100 * 1024 * 1024;

    /// <summary>maxConcurrentUpload: uploads of one account at the same time.</summary>
    public const int ConcurrentUploadsMax = 4;

    /// <summary>Objects and arrays inside each other in a request.</summary>
    public const int JsonDepthMax = 100;

    /// <summary>Octets of what all method responses of a request say; a call that goes beyond is answered with an error.</summary>
    public const int ResponseOctetsMax = 128 * 1024 * 1024;

    /// <summary>Elements that the result references of one request may bring into arguments.</summary>
    public const int ReferencedElementsMax = 100_000;

    /// <summary>Operators and conditions of one filter.</summary>
    public const int FilterNodesMax = 1_000;

    /// <summary>Comparators of one query.</summary>
    public const int ComparatorsMax = 16;

    /// <summary>Ids that a query answers when the client names no limit, or a greater one.</summary>
    public const int QueryIdsMax = 5_000;

    /// <summary>Changed ids that a /changes call tells when the client names no limit.</summary>
    public const int ChangesMax = 5_000;

    /// <summary>maxSizeAttachmentsPerEmail: octets of the blobs that a new Email is built from.</summary>
    public const long AttachmentOctetsMax = 50_000_000;

    /// <summary>Body parts of a new Email.</summary>
    public const int CreatedPartsMax = 500;

    /// <summary>Octets of one body value that an answer carries; a longer one is marked as cut.</summary>
    public const int BodyValueOctetsMax = 16 * 1024 * 1024;

    /// <summary>Octets of a message's header, or of a part's, that header properties are read from.</summary>
    public const int HeaderOctetsMax = 1024 * 1024;

    /// <summary>Octets of a message that Email/parse reads.</summary>
    public const long ParsedMessageOctetsMax = 100 * 1024 * 1024;
}
