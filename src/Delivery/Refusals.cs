using Posthorn.Core;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>What this room says no with.</summary>
internal static class Refusals
{
    public static readonly Refusal RelayingDenied = new(RefusalKind.Forbidden, "relaying denied");

    public static readonly Refusal NoRecipients = new(RefusalKind.Invalid, "there is no recipient");

    public static readonly Refusal TooManyHops = new(
        RefusalKind.Loop, $"the message has gone through more than {DeliveryLimits.HopsMax} servers: it seems to go in circles");

    public static readonly Refusal BeenHereTwice = new(RefusalKind.Loop, "the message has been here twice before: it goes in circles");

    public static readonly Refusal DeliveredBefore = new(RefusalKind.Loop, "the message has been delivered to this mailbox before");

    public static readonly Refusal NoFrom = new(RefusalKind.Invalid, "the message needs a From field with an address");

    public static readonly Refusal HeaderTooLarge = new(
        RefusalKind.TooLarge, $"the header has more than {DeliveryLimits.SubmissionHeaderOctetsMax} octets");

    public static Refusal LeadsElsewhere(EmailAddress address) => new(RefusalKind.Loop, $"{address} leads to no mailbox here");

    public static Refusal TooManyRecipients(int max) => new(RefusalKind.TooMany, $"a message has at most {max} recipients");

    public static Refusal TooLarge(long octetsMax) => new(RefusalKind.TooLarge, $"a message has at most {octetsMax} octets");

    public static Refusal Full(EmailAddress address) => new(RefusalKind.OverQuota, $"the mailbox of {address} is full");

    public static Refusal NotYours(EmailAddress address, EmailAddress account) =>
        new(RefusalKind.Forbidden, $"{address} does not belong to {account}");

    public static Refusal OddFrom(FromOddities oddities) =>
        new(RefusalKind.Forbidden, $"the From field is not one that can be trusted: {oddities}");

    /// <summary>RFC 7489 §10.3, RFC 9989 §8.3: the reply says whose policy it was.</summary>
    public static Refusal ByPolicy(DmarcVerdict dmarc) =>
        new(RefusalKind.Forbidden, $"refused by the DMARC policy of {dmarc.PolicyDomain}: {dmarc.Evidence}");

    public static RefusalException AsException(this Refusal refusal) => new(refusal);
}
