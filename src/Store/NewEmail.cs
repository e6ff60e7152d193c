using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Mime;

namespace Posthorn.Store;

/// <summary>A message that is to come into a mailbox.</summary>
/// <param name="Blob">Its bytes, staged.</param>
/// <param name="Summary">What <see cref="MessageReader"/> says of those bytes behind <paramref name="TracePrefix"/>.</param>
/// <param name="TracePrefix">Header fields of this recipient alone (Return-Path, Received), each with its CRLF; part of the message as everybody
/// reads it.</param>
/// <param name="ReceivedAt">INTERNALDATE.</param>
public sealed record NewEmail(
    StagedBlob Blob,
    MessageSummary Summary,
    ReadOnlyMemory<byte> TracePrefix,
    SystemFlags Flags,
    IReadOnlyList<string> Keywords,
    DateTimeOffset ReceivedAt)
{
    /// <summary>Octets of the whole message.</summary>
    public long SizeBytes => TracePrefix.Length + Blob.Length;

    /// <summary>Hashed here, so that the writer's thread need not.</summary>
    internal long[] ThreadKeys { get; } = Threading.Keys(Summary);

    internal byte[] ThreadLink { get; } = Store.ThreadLink.Pack(Summary);
}

/// <summary>Where a message has come to lie.</summary>
public readonly record struct Delivered(
    EmailId Email, ThreadId Thread, MailboxId Mailbox, uint UidValidity, Uid Uid, ModSeq ModSeq, long SizeBytes);

/// <summary>What APPENDUID tells, in the order of the messages given.</summary>
public sealed record Appended(uint UidValidity, IReadOnlyList<Uid> Uids, IReadOnlyList<EmailId> Emails, ModSeq ModSeq);

public enum FlagOperation
{
    Add,
    Remove,
    Replace,
}

/// <param name="ModSeq">The last change number of this STORE; 0 when nothing has changed.</param>
/// <param name="Changed">Messages of this mailbox that have other flags now.</param>
/// <param name="Conflicts">Uids that were changed after UNCHANGEDSINCE and were left alone (RFC 7162 §3.1.3 MODIFIED), rising.</param>
/// <param name="Missing">Uids that are not in the mailbox any more.</param>
public sealed record FlagsStored(ModSeq ModSeq, int Changed, IReadOnlyList<Uid> Conflicts, IReadOnlyList<Uid> Missing);

/// <summary>What COPYUID tells.</summary>
/// <param name="UidValidity">The target's.</param>
public sealed record Copied(uint UidValidity, IReadOnlyList<(Uid From, Uid To)> Uids);

public readonly record struct QuotaUsage(long SizeBytes, long Messages, long? QuotaBytes, long? QuotaMessages);
