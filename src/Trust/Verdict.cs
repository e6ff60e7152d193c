namespace Posthorn.Trust;

// Trust says what is known of a message's origin, and proves the origin of ours: SPF, DKIM, DMARC, ARC and iprev of what comes in, keys and
// signatures of what goes out. What a verdict means for a message - refuse it, file it as junk - is decided by Delivery.
//
// What holds here:
//  * A verdict is a value with its evidence: one of RFC 8601's words, and one line that a postmaster understands.
//  * Nothing here throws because of what a message or the name system says. Whatever cannot be asked is temperror, whatever makes no sense
//    is permerror; both are bounded in time and memory by TrustLimits.
//  * A message is read once. Hashes grow while its octets pass by; signatures are decided when it has ended.
//  * A private key leaves the vault only to sign, and no secret stands in a verdict, a log line or an exception.
//
// Trust must never see a mailbox, an account or a queue: it is handed domains, addresses and octets.

/// <summary>The words of Authentication-Results (RFC 8601 §2.7).</summary>
public enum AuthResult
{
    /// <summary>There was nothing to check.</summary>
    None,
    Pass,
    Fail,
    SoftFail,
    Neutral,

    /// <summary>A signature that is sound and that we do not take (RFC 8601 §2.7.1).</summary>
    Policy,

    /// <summary>Asking again may help.</summary>
    TempError,

    /// <summary>Asking again does not help: a record or a signature is wrong.</summary>
    PermError,
}

public static class AuthResults
{
    /// <summary>As it is written in a header field.</summary>
    public static string Keyword(this AuthResult result) => result switch
    {
        AuthResult.Pass => "pass",
        AuthResult.Fail => "fail",
        AuthResult.SoftFail => "softfail",
        AuthResult.Neutral => "neutral",
        AuthResult.Policy => "policy",
        AuthResult.TempError => "temperror",
        AuthResult.PermError => "permerror",
        _ => "none",
    };
}
