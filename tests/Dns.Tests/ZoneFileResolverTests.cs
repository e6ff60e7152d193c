using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Dns.Tests;

public sealed class ZoneFileResolverTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    [Fact]
    public async Task The_file_answers_every_kind_of_question()
    {
        await using var resolver = Open(
            "a.test. MX 20 two\n MX 10 one\n A 192.0.2.1\n AAAA 2001:db8::1\n TXT x\n1.2.0.192.in-addr.arpa. PTR a.test.\n"
            + "_imaps._tcp.a.test. SRV 0 1 993 two\n_25._tcp.two. TLSA 3 1 1 AB CD");
        Assert.Equal([new MxRecord(10, "one"), new MxRecord(20, "two")], (await resolver.MxAsync(Domain.Parse("a.test"))).Records);
        Assert.Equal(["2001:db8::1", "192.0.2.1"], (await resolver.AddressesAsync("A.test.")).Records.Select(a => a.ToString()));
        Assert.Equal(["x"], (await resolver.TxtAsync("a.test")).Records);
        Assert.Equal([new SrvRecord(0, 1, 993, "two")], (await resolver.SrvAsync("_imaps._tcp.a.test")).Records);
        Assert.Equal([new TlsaRecord(3, 1, 1, "abcd")], (await resolver.TlsaAsync("_25._tcp.two")).Records);
        Assert.True((await resolver.TlsaAsync("_25._tcp.one")).Authentic);
        Assert.Equal(["a.test"], (await resolver.PtrAsync(IPAddress.Parse("::ffff:192.0.2.1"))).Records);
        Assert.Equal(DnsStatus.NxDomain, (await resolver.PtrAsync(IPAddress.Parse("192.0.2.2"))).Status);
        Assert.Equal(DnsStatus.NxDomain, (await resolver.MxAsync(Domain.Parse("b.test"))).Status);
        Assert.Equal(DnsStatus.NxDomain, (await resolver.AddressesAsync("not a name")).Status);
    }

    [Fact]
    public async Task A_changed_file_answers_at_once_and_a_broken_or_missing_one_leaves_the_answers_as_they_were()
    {
        await using var resolver = Open("a.test. A 192.0.2.1");
        Write("a.test. A 192.0.2.22");
        Assert.Equal(IPAddress.Parse("192.0.2.22"), (await resolver.AddressesAsync("a.test")).Records.Single());
        Write("a.test. A nonsense");
        Assert.Equal(IPAddress.Parse("192.0.2.22"), (await resolver.AddressesAsync("a.test")).Records.Single());
        File.Delete(_file);
        Assert.Equal(IPAddress.Parse("192.0.2.22"), (await resolver.AddressesAsync("a.test")).Records.Single());
        Write("b.test. A 192.0.2.3");
        Assert.Equal(DnsStatus.NxDomain, (await resolver.AddressesAsync("a.test")).Status);
        Assert.Equal(IPAddress.Parse("192.0.2.3"), (await resolver.AddressesAsync("b.test")).Records.Single());
    }

    [Fact]
    public void A_file_that_cannot_be_used_stops_the_start_and_says_where()
    {
        var wrong = Assert.Throws<FormatException>(() => Open("\n\na.test. A nonsense"));
        Assert.Contains($"{_file}:3: ", wrong.Message, StringComparison.Ordinal);
        File.Delete(_file);
        Assert.Throws<FileNotFoundException>(
            () => Resolver.Open(new DnsSettings { ZoneFile = _file }, TimeProvider.System, NullLoggerFactory.Instance));
    }

    public void Dispose() => File.Delete(_file);

    private Resolver Open(string zone)
    {
        Write(zone);
        return Resolver.Open(new DnsSettings { ZoneFile = _file }, TimeProvider.System, NullLoggerFactory.Instance);
    }

    private void Write(string zone) => File.WriteAllText(_file, zone);
}
