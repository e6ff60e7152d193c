using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Directory.Tests;

public sealed class PasswordHashTests
{
    [Fact]
    public void A_hash_written_and_read_again_matches_its_password_only()
    {
        var written = PasswordHash.Make("secret"u8, House.Cheap).ToString();
        Assert.True(PasswordHash.TryParse(written, out var read));
        Assert.Equal(written, read.ToString());
        Assert.True(read.Matches("secret"u8));
        Assert.False(read.Matches("Secret"u8));
    }

    [Fact]
    public void A_hash_of_another_implementation_is_read()
    {
        // Debian's argon2: echo -n password | argon2 ssssssssssssssss -id -t 2 -k 64 -p 1 -l 32 -e
        const string Foreign = "$argon2id$v=19$m=64,t=2,p=1$c3Nzc3Nzc3Nzc3Nzc3Nzcw$2pq50mwMaIm/QPPq2W8+HSDJ2jS5T9IYIOHprQOa/GE";
        Assert.True(PasswordHash.TryParse(Foreign, out var hash));
        Assert.True(hash.Matches("password"u8));
    }

    [Fact]
    public void Every_strict_prefix_of_a_hash_is_refused()
    {
        var written = PasswordHash.Make("secret"u8, House.Cheap).ToString();
        for (var length = 0; length < written.Length; length++) Assert.False(PasswordHash.TryParse(written[..length], out _), written[..length]);
        Assert.False(PasswordHash.TryParse(written.Replace("m=8,", "m=99999999,"), out _));
        Gen.String.Sample(text => Assert.False(PasswordHash.TryParse(text, out _)));
    }

    [Fact]
    public void Spaces_of_every_script_are_one_space()
    {
        Assert.True(PasswordHash.TryPrepare(Encoding.UTF8.GetBytes("corréct\u00A0horse\u3000x"), out var prepared));
        Assert.Equal("corréct horse x", Encoding.UTF8.GetString(prepared));
    }

    [Fact]
    public void What_cannot_be_a_password_is_refused()
    {
        Assert.False(PasswordHash.TryPrepare([], out _));
        Assert.False(PasswordHash.TryPrepare([0xC3, 0x28], out _));
        Assert.False(PasswordHash.TryPrepare("a\0b"u8, out _));
        Assert.False(PasswordHash.TryPrepare(new byte[1025], out _));
    }

    [Theory]
    [InlineData("192.0.2.0/24", "192.0.2.255", true)]
    [InlineData("192.0.2.77/24", "192.0.3.0", false)]
    [InlineData("2001:db8::/32", "2001:db8:1::1", true)]
    [InlineData("10.1.2.3", "10.1.2.3", true)]
    [InlineData("10.1.2.3", "10.1.2.4", false)]
    public void A_network_contains_its_addresses(string network, string address, bool inside)
    {
        var networks = AllowedNetworks.Parse([network]).Require();
        Assert.Equal(inside, networks.Contains(System.Net.IPAddress.Parse(address)));
        Assert.Equal(networks.ToString(), AllowedNetworks.Stored(networks.ToString()).ToString());
    }

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("example.test")]
    [InlineData("")]
    public void What_is_no_network_is_refused(string text) => Assert.False(AllowedNetworks.Parse([text]).Ok);
}
