using System.Buffers;

namespace Posthorn.Wire;

/// <summary>How a wait for the peer ended.</summary>
public enum ReadStatus
{
    /// <summary>What was asked for is there.</summary>
    Ok,

    /// <summary>The line was longer than <see cref="WireLimits.LineOctetsMax"/> and has been thrown away; the next one can be read.</summary>
    TooLong,

    /// <summary>No end of line within <see cref="WireLimits.DiscardOctetsMax"/>: answer and close.</summary>
    Endless,

    /// <summary>The peer is gone, in order or not, or the connection was aborted. An unfinished line is dropped.</summary>
    Closed,

    /// <summary>Nothing came for <see cref="WireLimits.IdleTimeout"/>: say goodbye and close.</summary>
    Idle,

    /// <summary>A command or body came slower than its limits allow: say goodbye and close.</summary>
    TooSlow,

    /// <summary>The server stops: say goodbye and close.</summary>
    Stopping,
}

/// <summary>One line of a peer, or the reason why there is none.</summary>
/// <param name="Line">Without its ending; for <see cref="ReadStatus.TooLong"/> and <see cref="ReadStatus.Endless"/> its first
/// <see cref="CommandReader.HeadOctetsMax"/> octets at most (an IMAP tag, a verb). Valid until the next call of the reader.</param>
public readonly record struct CommandLine(ReadStatus Status, ReadOnlySequence<byte> Line)
{
    public bool Ok => Status == ReadStatus.Ok;

    internal static CommandLine Failed(ReadStatus status) => new(status, default);
}

/// <summary>A piece of a body, or the reason why there is none.</summary>
/// <param name="Bytes">At least one octet when <see cref="Ok"/>. Valid until the next call of the reader.</param>
public readonly record struct BodyChunk(ReadStatus Status, ReadOnlySequence<byte> Bytes)
{
    public bool Ok => Status == ReadStatus.Ok;
}
