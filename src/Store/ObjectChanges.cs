using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>Of which objects the changes are told (RFC 8620 §5.2).</summary>
public enum ObjectKind
{
    Email,
    Thread,
    Mailbox,
}

/// <summary>What has happened to the objects of a kind. Numbers are those of Emails, Threads or mailboxes.</summary>
/// <param name="UpTo">The position that the next question starts from.</param>
/// <param name="OnlyCounts">Of mailboxes: nothing but counts of messages and Threads has changed in the updated ones.</param>
public sealed record ObjectChanges(
    IReadOnlyList<long> Created,
    IReadOnlyList<long> Updated,
    IReadOnlyList<long> Destroyed,
    ChangePosition UpTo,
    bool HasMore,
    bool OnlyCounts);

/// <summary>What the log says of one object, in its order.</summary>
internal sealed class ObjectHistory
{
    private bool _existed;
    private bool _exists;
    private bool _known;

    /// <summary>Its own properties, not only counts.</summary>
    public bool HasOtherThanCounts { get; private set; }

    /// <summary>No event says whether it was there: somebody has to look.</summary>
    public bool IsOnlyUpdated { get; private set; } = true;

    public bool Existed => _existed;

    public bool Exists => _exists;

    public void Take(ObjectEvent what)
    {
        if (!_known)
        {
            _known = true;
            _existed = what is not ObjectEvent.Created;
            _exists = true;
        }

        switch (what)
        {
            case ObjectEvent.Created:
                (_exists, IsOnlyUpdated) = (true, false);
                break;
            case ObjectEvent.Destroyed:
                (_exists, IsOnlyUpdated) = (false, false);
                break;
            case ObjectEvent.DestroyedUnseen:
                if (IsOnlyUpdated) _existed = false; // what came before was an unseen Email's
                (_exists, IsOnlyUpdated) = (false, false);
                break;
            case ObjectEvent.Updated:
                HasOtherThanCounts = true;
                break;
        }
    }
}

internal enum ObjectEvent
{
    Created,
    Updated,
    Counted,
    Destroyed,

    /// <summary>It is gone, and nobody saw it before.</summary>
    DestroyedUnseen,
}
