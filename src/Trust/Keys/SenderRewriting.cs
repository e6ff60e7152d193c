using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>
/// The Sender Rewriting Scheme: what is forwarded goes out in our name, so that SPF holds, and what comes back finds its way. Each address
/// carries a hash that only we can make, and a day after which it is worth nothing.
/// </summary>
/// <remarks>The scheme of libsrs2: <c>SRS0=hash=day=domain=local@ours</c>; what others have rewritten becomes <c>SRS1=hash=them=…</c>.</remarks>
public sealed class SenderRewriting : IDisposable
{
    /// <summary>Reports of failure come within days.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(21);

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567"; // whoever changes the case of an address does no harm
    private const string Purpose = "srs";
    private const int SecretOctets = 32;
    private const int HashChars = 8;
    private const int DaysRound = 32 * 32;
    private const string Zero = "srs0";
    private const string One = "srs1";

    private readonly byte[] _secret;
    private readonly TimeProvider _time;

    internal SenderRewriting(byte[] secret, TimeProvider time) => (_secret, _time) = (secret, time);

    internal static SealedColumn Column { get; } = new(Purpose, "trust_secret", "secret", "number");

    /// <summary>The secret is made at the first start.</summary>
    internal static async Task<SenderRewriting> OpenAsync(Database db, Vault vault, TimeProvider time, CancellationToken ct)
    {
        const long number = 1;
        var secret = await db.WriteAsync(
            tx =>
            {
                byte[]? known = null;
                using (var rows = tx.Prepare("SELECT secret FROM trust_secret WHERE number = $1").Bind(number).Query())
                {
                    if (rows.Next()) known = rows.Blob(0).ToArray();
                }
                if (known is not null && vault.TryOpen(tx, Purpose, [number], known, out var opened)) return opened;
                var made = RandomNumberGenerator.GetBytes(SecretOctets);
                tx.Prepare("INSERT INTO trust_secret (number, secret) VALUES ($1, $2) ON CONFLICT (number) DO UPDATE SET secret = $2")
                    .Bind(number).Bind(vault.Seal(tx, Purpose, [number], made)).Execute();
                return made;
            },
            ct);
        return new SenderRewriting(secret, time);
    }

    /// <summary>The sender as it goes on; null when it would be longer than an address can be, and goes on as it is.</summary>
    /// <param name="ours">The domain whose alias forwards.</param>
    public EmailAddress? Forward(EmailAddress sender, Domain ours)
    {
        var local = sender.LocalPart;
        string rewritten;
        if (Is(local, One) && local.IndexOf('=', 5) is var hash and > 0)
        {
            // Only the first and the last hop are kept, however many there are between them.
            var rest = local[(hash + 1)..];
            rewritten = $"SRS1={Hash(rest)}={rest}";
        }
        else if (Is(local, Zero))
        {
            var rest = $"{sender.Domain.Ascii}={local[4..]}";
            rewritten = $"SRS1={Hash(rest)}={rest}";
        }
        else
        {
            var rest = $"{Day(Today)}={sender.Domain.Ascii}={local}";
            rewritten = $"SRS0={Hash(rest)}={rest}";
        }
        return EmailAddress.TryCreate(rewritten, ours, out var address) ? address : null;
    }

    /// <summary>Whether an address looks like a rewritten one; whether it is one of ours, <see cref="TryReverse"/> tells.</summary>
    public static bool IsRewritten(EmailAddress address) => Is(address.LocalPart, Zero) || Is(address.LocalPart, One);

    /// <summary>Who is behind a rewritten sender. False for a hash that is not ours, and for one that is too old.</summary>
    public bool TryReverse(EmailAddress address, [NotNullWhen(true)] out EmailAddress? sender)
    {
        sender = null;
        var local = address.LocalPart;
        if (!IsRewritten(address)) return false;
        var end = local.IndexOf('=', 5);
        if (end < 0) return false;
        var rest = local[(end + 1)..];
        var expected = Encoding.UTF8.GetBytes(Hash(rest));
        if (!CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(local[5..end].ToLowerInvariant()))) return false;
        return Is(local, Zero) ? TryReverseZero(rest, out sender) : TryReverseOne(rest, out sender);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_secret);

    private int Today => (int)(_time.GetUtcNow().ToUnixTimeSeconds() / 86_400 % DaysRound);

    // day=domain=local
    private bool TryReverseZero(string rest, [NotNullWhen(true)] out EmailAddress? sender)
    {
        sender = null;
        if (rest.Length < 4 || rest[2] != '=') return false;
        int high = Alphabet.IndexOf(char.ToLowerInvariant(rest[0]), StringComparison.Ordinal),
            low = Alphabet.IndexOf(char.ToLowerInvariant(rest[1]), StringComparison.Ordinal);
        if (high < 0 || low < 0 || (Today - (high * 32 + low) + DaysRound) % DaysRound > Lifetime.TotalDays) return false;
        var end = rest.IndexOf('=', 3);
        return end > 0 && Domain.TryParse(rest.AsSpan(3, end - 3), out var domain) && EmailAddress.TryCreate(rest[(end + 1)..], domain, out sender);
    }

    // first hop's domain=its own text, which goes back to it
    private static bool TryReverseOne(string rest, [NotNullWhen(true)] out EmailAddress? sender)
    {
        sender = null;
        var end = rest.IndexOf('=', StringComparison.Ordinal);
        return end > 0 && Domain.TryParse(rest.AsSpan(0, end), out var domain)
            && EmailAddress.TryCreate("SRS0" + rest[(end + 1)..], domain, out sender);
    }

    private static bool Is(string local, string tag) =>
        local.Length > 5 && local.StartsWith(tag, StringComparison.OrdinalIgnoreCase) && local[4] is '=' or '+' or '-';

    private static string Day(int day) => $"{Alphabet[day / 32]}{Alphabet[day % 32]}";

    private string Hash(string text)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_secret, Encoding.UTF8.GetBytes(text.ToLowerInvariant()), hash);
        Span<char> chars = stackalloc char[HashChars];
        for (var i = 0; i < HashChars; i++) chars[i] = Alphabet[hash[i] & 31];
        return new string(chars);
    }
}
