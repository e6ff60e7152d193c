using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

internal static partial class Log
{
    [LoggerMessage(200, LogLevel.Critical, "{What} could not be synced to disk (error {Error}); stopping, since what the disk holds is unknown")]
    public static partial void FatalSync(ILogger log, string what, int error);

    [LoggerMessage(201, LogLevel.Information, "Database {Name} opened: {Kind}, {Steps} migration steps applied")]
    public static partial void Opened(ILogger log, string name, DatabaseKind kind, int steps);

    [LoggerMessage(202, LogLevel.Error, "A commit of {Actions} actions failed: {Reason}")]
    public static partial void CommitFailed(ILogger log, int actions, string reason);

    [LoggerMessage(203, LogLevel.Warning, "The write-ahead log could not be copied into the database: {Reason}")]
    public static partial void CheckpointFailed(ILogger log, string reason);

    [LoggerMessage(204, LogLevel.Error, "A callback after a commit threw")]
    public static partial void CallbackThrew(ILogger log, Exception error);

    [LoggerMessage(205, LogLevel.Warning, "Segment {Number} ended {Bytes} bytes after its last known record; cut off")]
    public static partial void TailCut(ILogger log, long number, long bytes);

    [LoggerMessage(206, LogLevel.Critical, "Segment {Number} is shorter than its records ask: {Length} bytes instead of {Expected}")]
    public static partial void SegmentShort(ILogger log, long number, long length, long expected);

    [LoggerMessage(208, LogLevel.Critical, "Segment {Number} has a damaged header; its records are read all the same")]
    public static partial void SegmentHeaderDamaged(ILogger log, long number);

    [LoggerMessage(209, LogLevel.Information, "Segment {Number} held nothing that a row names; removed")]
    public static partial void SegmentUnnamed(ILogger log, long number);

    [LoggerMessage(210, LogLevel.Information, "Segment {Number} was half dead; its blobs have moved and the file is removed")]
    public static partial void SegmentRemoved(ILogger log, long number);

    [LoggerMessage(211, LogLevel.Critical, "Blob {Blob} is damaged in segment {Segment} at {Position}, so the segment is kept: {Reason}")]
    public static partial void DamagedInCompaction(ILogger log, string blob, long segment, long position, string reason);

    [LoggerMessage(212, LogLevel.Information, "{Blobs} blobs collected, {Segments} segments removed")]
    public static partial void Tidied(ILogger log, long blobs, int segments);

    [LoggerMessage(213, LogLevel.Warning, "Collection of dead blobs stopped and will be tried again: {Reason}")]
    public static partial void TidyFailed(ILogger log, string reason);

    [LoggerMessage(214, LogLevel.Information, "Root key {Name} made in {Path}; without it the secrets of the database cannot be read")]
    public static partial void RootKeyMade(ILogger log, string name, string path);

    [LoggerMessage(215, LogLevel.Warning, "{Path} can be used by others than its owner ({Mode})")]
    public static partial void RootKeyReadable(ILogger log, string path, string mode);

    [LoggerMessage(216, LogLevel.Error, "A sealed value does not open: it is damaged, or was sealed for something else than {Purpose} {Row}")]
    public static partial void SecretRefused(ILogger log, string purpose, string row);

    [LoggerMessage(207, LogLevel.Warning, "Notices to and from other nodes are interrupted: {Reason}")]
    public static partial void NoticesLost(ILogger log, string reason);
}
