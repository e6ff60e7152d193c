using System.Globalization;
using System.Net;
using Posthorn.Wire;

namespace Posthorn.Delivery;

/// <summary>How the connection to a next hop is protected.</summary>
public enum HopSecurity
{
    /// <summary>STARTTLS where it is offered (RFC 7435); required, with a valid certificate, when there is a log-in.</summary>
    StartTls = 0,

    /// <summary>TLS from the first octet (RFC 8314).</summary>
    Tls = 1,

    /// <summary>In the clear: for a server on this machine or in a private network. Nobody logs in over it.</summary>
    None = 2,
}

/// <summary>Which server a message is handed to, and how it is reached.</summary>
internal sealed record NextHop
{
    /// <summary>The recipient's own exchanges, from any address of this machine.</summary>
    public static readonly NextHop Direct = new();

    /// <summary>Null for the exchanges of the recipient's domain.</summary>
    public string? Host { get; init; }

    /// <summary>Zero for the one that all exchanges have.</summary>
    public int Port { get; init; }

    public HopSecurity Security { get; init; }

    /// <summary>Null when it knows us by our address.</summary>
    public string? Login { get; init; }

    /// <summary>Opens the secret; the caller wipes it.</summary>
    public Func<CancellationToken, ValueTask<byte[]>>? PasswordAsync { get; init; }

    /// <summary>Speaks LMTP (RFC 2033).</summary>
    public bool IsLmtp { get; init; }

    /// <summary>Addresses to connect from, of which one of each family is taken by chance; empty for those of the settings.</summary>
    public IReadOnlyList<IPAddress> Sources { get; init; } = [];

    /// <summary>Through which the connection is made; null for straight.</summary>
    public SocksProxy? Socks { get; init; }

    /// <summary>What sessions must share to be used for one another.</summary>
    public string Key => string.Create(
        CultureInfo.InvariantCulture, $"{Host}:{Port} {Security} {Login} {IsLmtp} {string.Join(',', Sources)} {Socks?.EndPoint}");

    /// <summary>As the operator configured it, where no route says otherwise.</summary>
    public static NextHop Of(DeliverySettings settings) => settings.Relay is not { } relay ? Direct : new NextHop
    {
        Host = relay.Host,
        Port = relay.Port,
        Security = relay.ImplicitTls ? HopSecurity.Tls : HopSecurity.StartTls,
        Login = relay.Login,
        PasswordAsync = _ => new(relay.Password.ToArray()),
    };
}
