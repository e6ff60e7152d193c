using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Posthorn.Server.Tests;

/// <summary>The built executable, from outside: what it says and how it ends.</summary>
public sealed class CommandLineTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "posthorn");

    [Theory]
    [InlineData("dance")]
    [InlineData("serve --dance")]
    [InlineData("init --hostname a_b --domain example.test --admin a@example.test")]
    [InlineData("init --hostname mail.example.test --domain example.test --admin a@other.test")]
    [InlineData("init --hostname mail.example.test --domain example.test")]
    public async Task Wrong_usage_ends_with_2(string arguments)
    {
        var (status, output, error) = await RunAsync(arguments.Split(' '));
        Assert.Equal((2, ""), (status, output));
        Assert.StartsWith("posthorn: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_config_file_is_one_line_and_ends_with_1()
    {
        using var place = new TestPlace();
        var (status, _, error) = await RunAsync(["serve", "--data", place.Data]);
        Assert.Equal(1, status);
        Assert.Equal($"posthorn: there is no {place.Data}/posthorn.toml: \"posthorn init\" writes it", error.TrimEnd());
    }

    [Fact]
    public async Task Check_tells_every_fault_on_a_line_and_ends_with_1()
    {
        using var place = new TestPlace();
        var file = Path.Combine(place.Data, "posthorn.toml");
        await File.WriteAllTextAsync(file, "version = 1\nhostname = \"x y\"\n[listen]\nport = 1\n");
        var (status, _, error) = await RunAsync(["check", "--config", file]);
        Assert.Equal(1, status);
        Assert.Equal(2, error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains($"{file}:2: hostname is \"x y\"; write a full host name", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_reads_the_files_that_the_config_names()
    {
        using var place = new TestPlace();
        var file = Path.Combine(place.Data, "posthorn.toml");
        await File.WriteAllTextAsync(Path.Combine(place.Data, "zone"), "this is no zone (\n");
        await File.WriteAllTextAsync(file, """
            version = 1
            hostname = "mail.example.test"
            [tls]
            certificate = "files"
            certificate_file = "none.pem"
            key_file = "none.key"
            [dns]
            zone_file = "zone"
            [delivery]
            relay = "smtp.example.net"
            relay_login = "me"
            relay_password_file = "none.password"
            """);
        var (status, _, error) = await RunAsync(["check", "--data", place.Data]);
        Assert.Equal(1, status);
        Assert.Equal(3, error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        foreach (var name in (string[])["none.pem", "zone", "none.password"]) Assert.Contains(name, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Init_shows_the_password_once_and_the_records_to_publish()
    {
        using var place = new TestPlace();
        string[] init =
        [
            "init", "--data", place.Data, "--hostname", "mail.example.test", "--domain", "example.test", "--admin", "admin@example.test",
            "--port-offset", $"{place.Offset}", "--listen", "127.0.0.1",
        ];
        var (status, output, _) = await RunAsync(init);
        Assert.Equal(0, status);
        Assert.Matches("password +[a-z0-9]{4}-", output);
        Assert.Contains("IN MX 10 mail.example.test.", output, StringComparison.Ordinal);
        (status, output, _) = await RunAsync(init);
        Assert.Equal(0, status);
        Assert.Matches("password +unchanged", output);
    }

    [Fact]
    public async Task SIGTERM_ends_serve_with_0()
    {
        using var place = new TestPlace();
        await place.InstallAsync();
        using var server = Start(["serve", "--data", place.Data]);
        while (await server.StandardError.ReadLineAsync() is { } line && !line.Contains("Server[10001]", StringComparison.Ordinal))
        {
            // It is ready when it says what it serves.
        }
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, place.Offset + Ports.Imap);
        using (var kill = Process.Start("bash", ["-c", $"kill -TERM {server.Id}"])) await kill.WaitForExitAsync();
        await server.WaitForExitAsync();
        Assert.Equal(0, server.ExitCode);
    }

    [Fact]
    public async Task The_version_is_a_number()
    {
        var (status, output, _) = await RunAsync(["--version"]);
        Assert.Equal(0, status);
        Assert.Matches(@"^posthorn \d+\.\d+\.\d+\n$", output);
    }

    private static Process Start(IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("POSTHORN_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        return Process.Start(start)!;
    }

    private static async Task<(int Status, string Output, string Error)> RunAsync(IReadOnlyList<string> arguments)
    {
        using var process = Start(arguments);
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
