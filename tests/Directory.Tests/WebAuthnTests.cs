using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Directory.Tests;

public sealed class WebAuthnTests
{
    private static readonly byte[] Head = [.. SHA256.HashData("mail.example"u8), 0x45, 0, 0, 0, 1];

    [Fact]
    public void Client_data_is_read_in_any_order_with_what_else_stands_in_it()
    {
        Assert.True(ClientData.TryRead(
            """{"new":{"a":[1,2]},"origin":"https:\/\/mail.example","challenge":"AQID","type":"webauthn.get"}"""u8, out var data));
        Assert.Equal(("webauthn.get", "https://mail.example", false), (data.Type, data.Origin, data.IsCrossOrigin));
        Assert.Equal([1, 2, 3], data.Challenge);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"type":"a","challenge":"AQID","origin":"b"} x""")]
    [InlineData("""{"type":"a","type":"b","challenge":"AQID","origin":"b"}""")]
    [InlineData("""{"type":"a","challenge":"AQID","origin":"b","origin":"c"}""")]
    [InlineData("""{"type":"a","challenge":"A=Q","origin":"b"}""")]
    [InlineData("""{"type":1,"challenge":"AQID","origin":"b"}""")]
    [InlineData("""{"type":"a","challenge":"AQID","origin":null}""")]
    [InlineData("""{"type":"a","challenge":"AQID","origin":"b","crossOrigin":"no"}""")]
    public void Client_data_that_is_none_is_refused(string json) => Assert.False(ClientData.TryRead(Encoding.UTF8.GetBytes(json), out _));

    [Fact]
    public void Authenticator_data_ends_where_its_parts_end()
    {
        byte[] whole = [.. Head, .. new byte[16], 0, 4, 1, 2, 3, 4, .. Key(-7)];
        Assert.True(AuthenticatorData.TryRead(whole, out var data));
        Assert.True(data is { IsUserPresent: true, IsUserVerified: true, Counter: 1, IsBackedUp: false });
        Assert.Equal([1, 2, 3, 4], data.Credential!.Id.ToArray());
        Assert.True(CoseKey.TryRead(data.Credential.Key, out _));
        for (var length = 0; length < whole.Length; length++) Assert.False(AuthenticatorData.TryRead(whole.AsMemory(0, length), out _));
        Assert.False(AuthenticatorData.TryRead((byte[])[.. whole, 0], out _));
    }

    [Theory]
    [InlineData(-7, true)]
    [InlineData(-35, false)]
    [InlineData(-8, false)]
    [InlineData(-257, false)]
    [InlineData(0, false)]
    public void A_key_is_of_the_algorithm_that_its_kind_is_for(int algorithm, bool taken) =>
        Assert.Equal(taken, CoseKey.TryRead(Key(algorithm), out _));

    [Fact]
    public void Weak_and_strange_keys_are_refused()
    {
        Assert.True(CoseKey.TryRead(Rsa(new byte[] { 0x80 }.Concat(new byte[255]).ToArray(), [1, 0, 1]), out _));
        Assert.False(CoseKey.TryRead(Rsa(new byte[] { 0x80 }.Concat(new byte[127]).ToArray(), [1, 0, 1]), out _)); // 1,024 bits
        Assert.False(CoseKey.TryRead(Rsa(new byte[] { 0x80 }.Concat(new byte[1023]).ToArray(), [1, 0, 1]), out _)); // 8,192 bits
        Assert.False(CoseKey.TryRead(Rsa(new byte[] { 0x80 }.Concat(new byte[255]).ToArray(), [1]), out _)); // everything is a signature
        Assert.False(CoseKey.TryRead(Rsa(new byte[] { 0x80 }.Concat(new byte[255]).ToArray(), [2]), out _));
    }

    [Fact]
    public void A_point_that_is_on_no_curve_verifies_nothing()
    {
        Assert.True(CoseKey.TryRead(Key(-7), out var key)); // x and y are zeros
        Assert.False(key.Verifies("data"u8, new byte[70]));
    }

    [Fact]
    public void Random_octets_do_no_harm() => Gen.Byte.Array[0, 200].Sample(octets =>
    {
        _ = ClientData.TryRead(octets, out _);
        _ = AuthenticatorData.TryRead(octets, out _);
        _ = CoseKey.TryRead(octets, out _);
        _ = AuthenticatorData.TryRead((byte[])[.. Head, .. octets], out _);
    });

    private static byte[] Key(int algorithm)
    {
        var writer = new CborWriter(CborConformanceMode.Ctap2Canonical);
        writer.WriteStartMap(5);
        foreach (var (name, value) in new[] { (1, 2), (3, algorithm), (-1, 1) })
        {
            writer.WriteInt32(name);
            writer.WriteInt32(value);
        }
        writer.WriteInt32(-2);
        writer.WriteByteString(new byte[32]);
        writer.WriteInt32(-3);
        writer.WriteByteString(new byte[32]);
        writer.WriteEndMap();
        return writer.Encode();
    }

    private static byte[] Rsa(byte[] modulus, byte[] exponent)
    {
        var writer = new CborWriter(CborConformanceMode.Ctap2Canonical);
        writer.WriteStartMap(4);
        writer.WriteInt32(1);
        writer.WriteInt32(3);
        writer.WriteInt32(3);
        writer.WriteInt32(-257);
        writer.WriteInt32(-1);
        writer.WriteByteString(modulus);
        writer.WriteInt32(-2);
        writer.WriteByteString(exponent);
        writer.WriteEndMap();
        return writer.Encode();
    }
}
