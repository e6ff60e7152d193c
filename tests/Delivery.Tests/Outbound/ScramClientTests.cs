using System.Security.Cryptography;
using System.Text;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class ScramClientTests
{
    private const string ServerFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    // RFC 7677 §3
    [Fact]
    public void The_example_of_the_standard_is_answered_as_the_standard_has_it()
    {
        var client = new ScramClient(HashAlgorithmName.SHA256, "user", "pencil"u8.ToArray(), "rOprNGfwEbeRWgbNEkqO");
        Assert.Equal("n,,n=user,r=rOprNGfwEbeRWgbNEkqO", Encoding.UTF8.GetString(client.First()));
        Assert.True(client.TryFinal(Encoding.ASCII.GetBytes(ServerFirst), out var final));
        Assert.Equal(
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            Encoding.ASCII.GetString(final));
        Assert.True(client.IsProof("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="u8.ToArray()));
        Assert.False(client.IsProof("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="u8.ToArray()));
        Assert.False(client.IsProof([]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=***,i=4096")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999")]
    [InlineData("m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")]
    public void What_is_no_answer_to_ours_is_not_answered(string serverFirst)
    {
        var client = new ScramClient(HashAlgorithmName.SHA256, "user", "pencil"u8.ToArray(), "rOprNGfwEbeRWgbNEkqO");
        Assert.False(client.TryFinal(Encoding.ASCII.GetBytes(serverFirst), out _));
        Assert.False(client.IsProof("v="u8.ToArray()));
    }

    [Fact]
    public void A_name_with_a_comma_stays_one_field() =>
        Assert.StartsWith("n,,n=a=2Cb=3Dc,r=", Encoding.UTF8.GetString(new ScramClient(HashAlgorithmName.SHA1, "a,b=c", [1]).First()),
            StringComparison.Ordinal);
}
