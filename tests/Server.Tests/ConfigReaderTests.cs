using System.Net;
using Microsoft.Extensions.Logging;

namespace Posthorn.Server.Tests;

public sealed class ConfigReaderTests
{
    private const string Whole = "version = 1\nhostname = \"mail.example.org\"\n";
    private const string File = "/etc/posthorn/posthorn.toml";

    private static readonly Dictionary<string, string> Nothing = [];

    [Fact]
    public void Two_lines_are_a_whole_file_and_the_rest_has_defaults()
    {
        var config = Good(Whole);
        Assert.Equal("mail.example.org", config.Hostname.Ascii);
        Assert.Equal("/etc/posthorn", config.Data);
        Assert.Equal([IPAddress.Any, IPAddress.IPv6Any], config.Addresses);
        Assert.Equal("sqlite:", config.DatabaseUrl);
        Assert.Equal(25, config.DeliveryPort);
        Assert.Equal(50L * 1024 * 1024, config.MessageOctetsMax);
        Assert.Equal(LogLevel.Information, config.LogLevel);
        Assert.False(config.AllowPlaintextOnLoopback);
        Assert.Null(config.Relay);
    }

    [Fact]
    public void Every_kind_of_value_is_read_from_the_file()
    {
        var config = Good(Whole + """
            data = "mail"
            [listen]
            address = ["127.0.0.1", "::1"]
            port_offset = 8000
            trusted_proxies = ["192.0.2.0/24"]
            [tls]
            certificate = "files"
            certificate_file = "/etc/ssl/mail.pem"
            key_file = "key.pem"
            [dns]
            server = "127.0.0.1:5353"
            [delivery]
            relay = "smtp.example.net:2525"
            relay_tls = "implicit"
            [auth]
            allow_plaintext_on_loopback = true
            [log]
            level = "debug"
            format = "json"
            """);
        Assert.Equal("/etc/posthorn/mail", config.Data);
        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], config.Addresses);
        Assert.Equal(8143, config.Port(Ports.Imap));
        Assert.True(config.MailProxies.Contains(IPAddress.Parse("192.0.2.7")));
        Assert.Equal("/etc/posthorn/key.pem", config.KeyFile);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 5353), config.DnsServer);
        Assert.Equal(new RelayHost("smtp.example.net", 2525), config.Relay);
        Assert.True(config.RelayImplicitTls);
        Assert.True(config.AllowPlaintextOnLoopback);
        Assert.Equal((LogLevel.Debug, LogFormat.Json), (config.LogLevel, config.LogFormat));
    }

    [Fact]
    public void Dotted_keys_and_inline_tables_mean_the_same_as_sections()
    {
        Assert.Equal(7, Good(Whole + "listen.port_offset = 7\n").PortOffset);
        Assert.Equal(7, Good(Whole + "listen = { port_offset = 7 }\n").PortOffset);
        Assert.Equal(7, Good(Whole + "\"listen\".'port_offset' = 7\n").PortOffset);
    }

    [Fact]
    public void The_environment_goes_before_the_file()
    {
        var config = Good(Whole + "[listen]\nport_offset = 1\n", new()
        {
            ["POSTHORN_LISTEN_PORT_OFFSET"] = "2",
            ["POSTHORN_LISTEN_ADDRESS"] = "127.0.0.1, ::1",
            ["POSTHORN_HOSTNAME"] = "other.example.org",
            ["POSTHORN_DATA"] = "/srv/mail",
            ["POSTHORN_DATABASE_URL"] = "postgres://posthorn@/posthorn",
            ["POSTHORN_AUTH_ALLOW_PLAINTEXT_ON_LOOPBACK"] = "true",
            ["POSTHORN_EXE"] = "somebody else's",
            ["PATH"] = "/bin",
        });
        Assert.Equal(2, config.PortOffset);
        Assert.Equal(2, config.Addresses.Count);
        Assert.Equal("other.example.org", config.Hostname.Ascii);
        Assert.Equal("/srv/mail", config.Data);
        Assert.Equal("postgres://posthorn@/posthorn", config.DatabaseUrl);
        Assert.True(config.AllowPlaintextOnLoopback);
    }

    [Theory]
    [InlineData("hostname = \"a_b\"", "hostname is \"a_b\"", "write a full host name")]
    [InlineData("hostnme = \"x\"", "there is no key hostnme", "did you mean hostname?")]
    [InlineData("[listen]\nport_ofset = 3", "there is no key port_ofset in [listen]", "did you mean port_offset?")]
    [InlineData("[listne]\nport_offset = 3", "there is no section [listne]", "did you mean [listen]?")]
    [InlineData("[[directory]]\ntype = \"oidc\"", "there is no section [directory]", "docs/operate/config.md lists what there is")]
    [InlineData("port_offset = 3", "there is no key port_offset", "did you mean [listen] port_offset?")]
    [InlineData("[listen]\nport_offset = \"3\"", "[listen] port_offset is \"3\"", "write a number from 0 to 61345")]
    [InlineData("[listen]\nport_offset = 70000", "[listen] port_offset is 70000", "write a number from 0 to 61345")]
    [InlineData("[listen]\naddress = [\"127.0.0.1\", 7]", "[listen] address is [\"127.0.0.1\", 7]", "write a list of addresses")]
    [InlineData("[listen]\naddress = []", "[listen] address is []", "write a list of addresses")]
    [InlineData("[tls]\ncertificate = \"acme\"", "[tls] certificate is \"acme\"", "write \"self-signed\" or \"files\"")]
    [InlineData("[auth]\nallow_plaintext_on_loopback = 1", "[auth] allow_plaintext_on_loopback is 1", "write true or false")]
    [InlineData("[log]\nlevel = \"verbose\"", "[log] level is \"verbose\"", "\"debug\" or \"info\" or \"warning\" or \"error\"")]
    [InlineData("[dns]\nserver = \"dns.example\"", "[dns] server is \"dns.example\"", "write an address")]
    [InlineData("[http]\ntrusted_proxies = [\"192.0.2.0/33\"]", "[http] trusted_proxies is [\"192.0.2.0/33\"]", "write a list of networks")]
    [InlineData("[delivery]\nrelay = \"smtp.example.net:0\"", "[delivery] relay is \"smtp.example.net:0\"", "write a host")]
    public void A_fault_names_its_line_what_is_wrong_and_what_would_be_right(string lines, string wrong, string right)
    {
        var text = lines.StartsWith("hostname =", StringComparison.Ordinal) ? "version = 1\n\n" + lines : Whole + lines;
        var fault = Assert.Single(Bad(text));
        var line = wrong.Contains("section", StringComparison.Ordinal) ? 3 : 2 + lines.Split('\n').Length;
        Assert.Equal($"{File}:{line}", fault.Place);
        Assert.Equal(wrong, fault.Wrong);
        Assert.Contains(right, fault.Right, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_fault_is_reported()
    {
        var faults = Bad(
            "version = 9\nhostname = 4\nx = \n[listen]\nport_offset = -1\nadress = \"::\"\n[lgo]\n", new() { ["POSTHORN_LOG_LEVEL"] = "loud" });
        Assert.Equal(
            [$"{File}:1", $"{File}:2", $"{File}:3", $"{File}:5", $"{File}:6", $"{File}:7", "POSTHORN_LOG_LEVEL"],
            faults.Select(fault => fault.Place).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_only_makes_sense_together_is_asked_for_together()
    {
        Assert.Equal(["version is missing", "hostname is missing"], Bad("").Select(fault => fault.Wrong));
        Assert.Equal(2, Bad(Whole + "[tls]\ncertificate = \"files\"\n").Count);
        Assert.Equal(2, Bad(Whole + "[delivery]\nrelay_login = \"me\"\n").Count);
    }

    [Fact]
    public void An_unknown_variable_of_a_section_is_a_fault_with_the_nearest_name()
    {
        var fault = Assert.Single(Bad(Whole, new() { ["POSTHORN_DATABASE_URI"] = "sqlite:" }));
        Assert.Equal(("POSTHORN_DATABASE_URI", "did you mean POSTHORN_DATABASE_URL?"), (fault.Place, fault.Right));
    }

    [Fact]
    public void A_password_in_the_database_url_is_not_repeated()
    {
        var fault = Assert.Single(Bad(Whole + "[database]\nurl = \"mysql://root:s3cret@db/mail\"\n"));
        Assert.DoesNotContain("s3cret", fault.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_that_stands_in_a_file_makes_the_reader_throw()
    {
        Assert.NotEmpty(Bad("x = " + new string('[', 100_000)));
        Assert.NotEmpty(Bad("x = \"\\"));
        Assert.NotEmpty(Bad("x = \"\\ud800\""));
        Assert.NotEmpty(Bad(new string('a', ConfigReader.TextLengthMax + 1)));
        var random = new Random(11);
        string[] words =
        [
            "version", "hostname", "listen", "port_offset", "address", "data", "certificate",
            "[", "]", "{", "}", "=", ".", ",", "\"", "'", "\n", " ", "#", "1", "-", "true",
            "\\u0000", "\\", "\"\"\"", "\0", "\ud800", "é", "1979-05-27", "1e9", "0x", "[[", "]]",
        ];
        for (var i = 0; i < 20_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(25)).Select(_ => words[random.Next(words.Length)]));
            ConfigReader.Read(text, File, Nothing);
        }
    }

    [Fact]
    public void Every_beginning_of_a_good_file_is_read_without_a_throw()
    {
        var text = Whole + "[listen]\naddress = [\"127.0.0.1\", \"::1\"]\nport_offset = 8000\n[log]\nformat = \"json\"\n";
        for (var length = 0; length < text.Length; length++) ConfigReader.Read(text[..length], File, Nothing);
    }

    [Theory]
    [InlineData("port_ofset", "port_offset")]
    [InlineData("prot_offset", "port_offset")]
    [InlineData("completely_else", null)]
    public void The_nearest_name_is_the_one_that_was_meant(string wrong, string? meant) =>
        Assert.Equal(meant, NearestName.Of(wrong, ["address", "port_offset", "trusted_proxies"]));

    [Fact]
    public void The_distance_of_names_counts_letters_and_swaps()
    {
        Assert.Equal(0, NearestName.Distance("url", "url"));
        Assert.Equal(1, NearestName.Distance("ulr", "url"));
        Assert.Equal(3, NearestName.Distance("", "url"));
        Assert.Equal(2, NearestName.Distance("hostnam", "hostname1"));
    }

    private static ServerConfig Good(string text, Dictionary<string, string>? environment = null)
    {
        var result = ConfigReader.Read(text, File, environment ?? Nothing);
        Assert.Empty(result.Faults);
        return result.Config!;
    }

    private static IReadOnlyList<ConfigFault> Bad(string text, Dictionary<string, string>? environment = null)
    {
        var result = ConfigReader.Read(text, File, environment ?? Nothing);
        Assert.Null(result.Config);
        return result.Faults;
    }
}
