using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Dns;
using Posthorn.Trust;
using Posthorn.Wire;

namespace Posthorn.Delivery.Tests;

/// <summary>A client of ours, with a zone of its own to find servers by.</summary>
internal sealed class OutboundHouse : IAsyncDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly Resolver _resolver;
    private readonly WireClient _wire;

    /// <param name="zone">With ordinary indentation; records of a.test are what most tests ask for.</param>
    /// <param name="tls">What TLS must be like; null asks for nothing.</param>
    public OutboundHouse(
        int port, string? zone = null, Relay? relay = null, TimeProvider? time = null, Func<Resolver, MailTls>? tls = null)
    {
        File.WriteAllText(_file, zone ?? "a.test. MX 10 mx1.test.\nmx1.test. A 127.0.0.1\n");
        _resolver = Resolver.Open(new DnsSettings { ZoneFile = _file }, TimeProvider.System, NullLoggerFactory.Instance);
        _wire = new WireClient(time ?? TimeProvider.System);
        Settings = new DeliverySettings { Hostname = Domain.Parse("me.test"), Port = port, Relay = relay };
        Client = new OutboundClient(Settings, _resolver, _wire, tls?.Invoke(_resolver), time ?? TimeProvider.System, NullLogger.Instance);
        Exchanges = new Exchanges(Settings, _resolver);
    }

    public DeliverySettings Settings { get; }

    public OutboundClient Client { get; }

    public Exchanges Exchanges { get; }

    /// <summary>To one or more recipients of one domain.</summary>
    public static OutboundMessage Message(
        string[] recipients, string text = "Subject: x\r\n\r\nHello\r\n", string? from = "s@me.test", bool utf8 = false, bool eightBit = false)
    {
        var octets = Encoding.UTF8.GetBytes(text);
        var addresses = recipients.Select(EmailAddress.Parse).ToArray();
        return new OutboundMessage(
            "m1",
            addresses[0].Domain,
            new ReversePath(from is null ? null : EmailAddress.Parse(from)),
            addresses,
            utf8,
            eightBit,
            octets.Length,
            _ => new(new MemoryStream(octets)));
    }

    public async Task<OutboundResult> SendAsync(string to = "r@a.test") => (await SendAsync(Message([to])))[0];

    public Task<IReadOnlyList<OutboundResult>> SendAsync(OutboundMessage message, CancellationToken ct = default) =>
        Client.SendAsync(message, ct);

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await _resolver.DisposeAsync();
        _wire.Dispose();
        File.Delete(_file);
    }
}
