using System.Text;

namespace Posthorn.Directory;

/// <summary>What the mechanism wants next.</summary>
public enum SaslState
{
    /// <summary>Send <see cref="SaslStep.Challenge"/> and feed the client's answer to the next step.</summary>
    Challenge,

    /// <summary>The client has said everything; <see cref="SaslStep.Credentials"/> belong to the caller, who disposes them.</summary>
    Complete,

    /// <summary>The answer does not follow the mechanism: the exchange is over.</summary>
    Malformed,
}

/// <param name="Challenge">Not encoded: the speaker adds its base64.</param>
public readonly record struct SaslStep(SaslState State, ReadOnlyMemory<byte> Challenge, PasswordCredentials? Credentials)
{
    internal static SaslStep Ask(ReadOnlyMemory<byte> challenge) => new(SaslState.Challenge, challenge, null);

    internal static SaslStep Done(PasswordCredentials credentials) => new(SaslState.Complete, default, credentials);

    internal static SaslStep Broken => new(SaslState.Malformed, default, null);
}

/// <summary>One authentication exchange (RFC 4422), without the base64 and the framing, which are each protocol's own.</summary>
public abstract class SaslExchange
{
    /// <summary>RFC 4616 asks for 255 octets of each of three; more is room for long addresses and passphrases.</summary>
    public const int ResponseBytesMax = 2048;

    private SaslExchange()
    {
    }

    /// <summary>What is advertised, best first.</summary>
    public static IReadOnlyList<string> Mechanisms { get; } = ["PLAIN", "LOGIN"];

    /// <summary>None when the mechanism is not offered. Names are compared without regard to case.</summary>
    public static SaslExchange? Start(string mechanism) => mechanism.ToUpperInvariant() switch
    {
        "PLAIN" => new Plain(),
        "LOGIN" => new Login(),
        _ => null,
    };

    /// <summary>The first challenge, for a client that sent no initial response.</summary>
    public abstract SaslStep Begin();

    /// <param name="response">The client's decoded answer, or its initial response.</param>
    public abstract SaslStep Step(ReadOnlySpan<byte> response);

    private static bool TryText(ReadOnlySpan<byte> utf8, out string text)
    {
        text = "";
        if (!System.Text.Unicode.Utf8.IsValid(utf8) || utf8.Contains((byte)0)) return false;
        text = Encoding.UTF8.GetString(utf8);
        return true;
    }

    // RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
    private sealed class Plain : SaslExchange
    {
        private bool _over;

        public override SaslStep Begin() => SaslStep.Ask(default);

        public override SaslStep Step(ReadOnlySpan<byte> response)
        {
            if (_over || response.Length > ResponseBytesMax) return SaslStep.Broken;
            _over = true;
            var first = response.IndexOf((byte)0);
            if (first < 0) return SaslStep.Broken;
            var rest = response[(first + 1)..];
            var second = rest.IndexOf((byte)0);
            if (second <= 0) return SaslStep.Broken;
            var password = rest[(second + 1)..];
            if (password.IsEmpty || password.Contains((byte)0) || !System.Text.Unicode.Utf8.IsValid(password)) return SaslStep.Broken;
            return TryText(response[..first], out var authorizeAs) && TryText(rest[..second], out var login)
                ? SaslStep.Done(new PasswordCredentials(login, password.ToArray(), authorizeAs))
                : SaslStep.Broken;
        }
    }

    // draft-murchison-sasl-login §2: two prompts. Its clients compare the words of the prompts, so they are these.
    private sealed class Login : SaslExchange
    {
        private static readonly ReadOnlyMemory<byte> UserName = "Username:"u8.ToArray();
        private static readonly ReadOnlyMemory<byte> Password = "Password:"u8.ToArray();

        private string? _login;
        private bool _over;

        public override SaslStep Begin() => SaslStep.Ask(UserName);

        public override SaslStep Step(ReadOnlySpan<byte> response)
        {
            if (_over || response.IsEmpty || response.Length > ResponseBytesMax) return SaslStep.Broken;
            if (_login is null)
            {
                if (TryText(response, out var login))
                {
                    _login = login;
                    return SaslStep.Ask(Password);
                }
                _over = true;
                return SaslStep.Broken;
            }
            _over = true;
            return response.Contains((byte)0) || !System.Text.Unicode.Utf8.IsValid(response)
                ? SaslStep.Broken
                : SaslStep.Done(new PasswordCredentials(_login, response.ToArray()));
        }
    }
}
