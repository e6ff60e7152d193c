using System.Security.Cryptography;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Mime;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>A message whose octets are staged, with the part of its envelope that all recipients share.</summary>
/// <param name="Name">The name of the message in Received, in the log and in the queue.</param>
/// <param name="Trace">Our Received field; empty for a message that is born here.</param>
/// <param name="Utf8">The header needs SMTPUTF8 (RFC 6531 §3.5).</param>
/// <param name="EightBit">Has octets above 127.</param>
internal sealed record Letter(
    string Name,
    ReversePath From,
    StagedBlob Blob,
    MessageSummary Summary,
    byte[] Trace,
    bool Utf8,
    bool EightBit,
    DateTimeOffset ArrivedAt)
{
    public MailParameters Parameters { get; init; } = MailParameters.None;

    /// <summary>Mailboxes here take it into Junk.</summary>
    public bool Junk { get; init; }

    /// <summary>What the author's domain wants to hear of the message; counted in the commit that takes it.</summary>
    public DmarcObservation? Seen { get; init; }

    /// <summary>Why an operator should look at it before anybody gets it; null for nearly every message.</summary>
    public string? Quarantine { get; init; }

    /// <summary>The route that a rule has chosen for what leaves.</summary>
    public long? Route { get; init; }

    /// <summary>The beginning of its octets, for as long as it is being taken.</summary>
    public ReadOnlyMemory<byte> Head { get; init; }

    /// <summary>Who submitted it; null when it came from elsewhere or was born here.</summary>
    public AccountId? Submitter { get; init; }

    private const int NameOctets = 10;
    private const int RandomOctets = 4;
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <summary>Sixteen characters that rise with time; four octets of chance keep those of one millisecond and of other nodes apart.</summary>
    public static string NewName(DateTimeOffset now)
    {
        Span<byte> octets = stackalloc byte[NameOctets];
        var milliseconds = now.ToUnixTimeMilliseconds();
        for (var i = NameOctets - RandomOctets - 1; i >= 0; i--, milliseconds >>= 8) octets[i] = (byte)milliseconds;
        RandomNumberGenerator.Fill(octets[^RandomOctets..]);
        Span<char> text = stackalloc char[NameOctets * 8 / 5];
        for (var i = 0; i < text.Length; i++)
        {
            var bit = i * 5;
            var pair = octets[bit / 8] << 8 | (bit / 8 + 1 < NameOctets ? octets[bit / 8 + 1] : 0);
            text[i] = Alphabet[pair >> (11 - bit % 8) & 31];
        }
        return new string(text);
    }
}

/// <summary>One way that a message takes.</summary>
/// <param name="Original">Whom the sender wrote to.</param>
/// <param name="Target">Where that leads; null when it is followed later, from the queue.</param>
internal sealed record Leg(EmailAddress Original, Target? Target, RcptParameters Parameters)
{
    /// <summary>Leads those of some recipients to other targets; each of these is there once.</summary>
    public static List<Leg> Redirect(List<Leg> legs, Func<EmailAddress, bool> isFor, IReadOnlyList<Target> targets)
    {
        var moved = legs.Find(leg => isFor(leg.Original));
        if (moved is null) return legs;
        var left = legs.FindAll(leg => !isFor(leg.Original));
        foreach (var target in targets)
        {
            if (!left.Exists(leg => leg.Target == target)) left.Add(new Leg(moved.Original, target, moved.Parameters));
        }
        return left;
    }

    /// <summary>Each mailbox and each remote address once, however many recipients lead there.</summary>
    public static List<Leg> Of(IReadOnlyList<Recipient> recipients)
    {
        if (recipients is [{ Targets: [var only] } single]) return [new Leg(single.Address, only, single.Parameters)];
        var legs = new List<Leg>();
        var accounts = new HashSet<AccountId>();
        var others = new HashSet<EmailAddress>();
        foreach (var recipient in recipients)
        {
            foreach (var target in recipient.Targets)
            {
                var isNew = target switch
                {
                    Target.Local local => accounts.Add(local.Account),
                    Target.Remote remote => others.Add(remote.Address),
                    Target.Reports reports => others.Add(reports.Address),
                    _ => throw new InvalidOperationException($"nobody delivers to {target}"),
                };
                if (isNew) legs.Add(new Leg(recipient.Address, target, recipient.Parameters));
            }
        }
        if (legs.Count <= Math.Max(DeliveryLimits.QueuedPerCommitMax, recipients.Count)) return legs;
        return [.. recipients.DistinctBy(recipient => recipient.Address).Select(recipient => new Leg(recipient.Address, null, recipient.Parameters))];
    }
}
