using System.Buffers;
using System.Net;
using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Wire.Tests;

public sealed class ProxyHeaderTests
{
    private static readonly byte[] Signature = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    public static TheoryData<string, string?, string?> Texts => new()
    {
        { "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n", "192.0.2.1:56324", "198.51.100.2:25" },
        { "PROXY TCP6 2001:db8::1 2001:db8::2 65535 993\r\n", "[2001:db8::1]:65535", "[2001:db8::2]:993" },
        { "PROXY UNKNOWN\r\n", null, null },
        { "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", null, null },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void The_text_form_names_the_client(string text, string? source, string? destination) =>
        AssertWhole([.. Encoding.ASCII.GetBytes(text)], source, destination);

    [Fact]
    public void The_binary_form_names_the_client()
    {
        AssertWhole(Binary(0x21, 0x11, [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0, 25]), "192.0.2.1:56324", "198.51.100.2:25");
        byte[] six = [.. IPAddress.Parse("2001:db8::1").GetAddressBytes(), .. IPAddress.Parse("2001:db8::2").GetAddressBytes(), 1, 0, 0, 25];
        AssertWhole(Binary(0x21, 0x21, six), "[2001:db8::1]:256", "[2001:db8::2]:25");
        AssertWhole(Binary(0x21, 0x21, [.. six, 0x03, 0, 4, 1, 2, 3, 4]), "[2001:db8::1]:256", "[2001:db8::2]:25"); // TLVs are passed over
        AssertWhole(Binary(0x20, 0x00, []), null, null); // LOCAL
        AssertWhole(Binary(0x20, 0x11, new byte[12]), null, null);
        AssertWhole(Binary(0x21, 0x00, []), null, null);
    }

    [Theory]
    [InlineData("EHLO x\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 56324 25 9\r\n")]
    [InlineData("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n")]
    [InlineData("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 2                                                                      \r\n")]
    public void A_wrong_text_header_is_invalid(string text) => Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void A_wrong_binary_header_is_invalid()
    {
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Binary(0x11, 0x11, new byte[12]))); // version 1
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Binary(0x22, 0x11, new byte[12]))); // no such command
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Binary(0x21, 0x12, new byte[12]))); // datagrams
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Binary(0x21, 0x31, new byte[216]))); // Unix sockets
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Binary(0x21, 0x11, new byte[11]))); // too short for its addresses
        Assert.Equal(ProxyHeaderStatus.Invalid, Parse(Binary(0x21, 0x11, new byte[ProxyHeader.OctetsMax])));
    }

    [Fact]
    public void Random_octets_never_throw()
    {
        Gen.Byte.Array[0, 80].Sample(octets => _ = Parse(octets));
        Gen.Byte.Array[0, 80].Sample(octets => _ = Parse([.. Signature, .. octets]));
        Gen.Char["PROXY TCP46 UNKNOWN 0129.:af\r\n"].Array[0, 60].Sample(text => _ = Parse(Encoding.ASCII.GetBytes("PROXY " + new string(text))));
    }

    private static byte[] Binary(byte command, byte family, byte[] body) =>
        [.. Signature, command, family, (byte)(body.Length >> 8), (byte)body.Length, .. body];

    // Complete with all of it, incomplete with less, and never more than its own octets.
    private static void AssertWhole(byte[] octets, string? source, string? destination)
    {
        byte[] more = [.. octets, .. "EHLO"u8];
        Assert.Equal(ProxyHeaderStatus.Complete, ProxyHeader.TryParse(new ReadOnlySequence<byte>(more), out var header));
        Assert.Equal((source, destination, octets.Length), (header.Source?.ToString(), header.Destination?.ToString(), header.Octets));
        for (var cut = 0; cut < octets.Length; cut++) Assert.Equal(ProxyHeaderStatus.Incomplete, Parse(octets[..cut]));
    }

    private static ProxyHeaderStatus Parse(byte[] octets) => ProxyHeader.TryParse(new ReadOnlySequence<byte>(octets), out _);
}
