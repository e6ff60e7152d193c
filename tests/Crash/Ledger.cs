using System.Security.Cryptography;

namespace Posthorn.Crash;

/// <summary>What the server has promised about one message in one mailbox.</summary>
internal enum Promise
{
    /// <summary>Nothing: it was on its way when the connection ended. It may be there once or not at all.</summary>
    None,

    /// <summary>It was acknowledged: it is there, once, byte for byte.</summary>
    Kept,

    /// <summary>Its EXPUNGE was on its way: it may be there or not.</summary>
    MayGo,

    /// <summary>Its EXPUNGE was acknowledged, or it was found missing without a promise: it is never seen again.</summary>
    Gone,
}

/// <summary>One message for one account, as the client knows it.</summary>
internal sealed class Letter(string id, int account, byte[] message, bool delivered)
{
    public string Id { get; } = id;

    public int Account { get; } = account;

    /// <summary>By SMTP: trace headers stand before the client's bytes. By APPEND: nothing does.</summary>
    public bool Delivered { get; } = delivered;

    public int Length { get; } = message.Length;

    public byte[] Hash { get; } = SHA256.HashData(message);

    public Promise Promise { get; set; }

    /// <summary>From APPENDUID, or from the first check after the crash.</summary>
    public uint? Uid { get; set; }

    public bool Flagged { get; set; }

    /// <summary>A STORE was on its way: the flag may be set or not.</summary>
    public bool FlagInDoubt { get; set; }

    /// <summary>A check after a crash has seen what became of it; from then on nothing may change by itself.</summary>
    public bool Settled { get; set; }

    public bool Holds(byte[] found)
    {
        if (found.Length < Length || (!Delivered && found.Length != Length)) return false;
        return SHA256.HashData(found.AsSpan(found.Length - Length)).AsSpan().SequenceEqual(Hash);
    }
}

/// <summary>All letters of a test, and how many acknowledgements the clients have had in this round. Clients write to it at once.</summary>
internal sealed class Ledger(int accounts)
{
    private readonly Lock _lock = new();
    private readonly List<Letter>[] _letters = [.. Enumerable.Range(0, accounts).Select(_ => new List<Letter>())];
    private readonly uint?[] _validity = new uint?[accounts];
    private int _acknowledgements;

    public int Accounts => _letters.Length;

    public int Acknowledgements => Volatile.Read(ref _acknowledgements);

    public IReadOnlyList<Letter> Of(int account) => _letters[account];

    public void BeginRound() => Volatile.Write(ref _acknowledgements, 0);

    public Letter Write(string id, int account, byte[] message, bool delivered)
    {
        var letter = new Letter(id, account, message, delivered);
        lock (_lock) _letters[account].Add(letter);
        return letter;
    }

    public void Acknowledge(Action change)
    {
        change();
        Interlocked.Increment(ref _acknowledgements);
    }

    /// <summary>False when the mailbox has got another UIDVALIDITY than before.</summary>
    public bool KeepsValidity(int account, uint validity) => (_validity[account] ??= validity) == validity;
}
