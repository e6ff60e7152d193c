using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Posthorn.Server.Tests;

public sealed class LogTests
{
    private static readonly FakeTimeProvider Time = new(new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero));

    [Fact]
    public void A_line_for_people_has_time_level_room_session_and_message()
    {
        var line = Written(LogFormat.Text, log =>
        {
            using var scope = log.BeginScope("5k3v9xq2");
            Log.CertificateRefused(log, "no key");
        });
        Assert.Equal(
            "2026-03-04T05:06:07.000Z error   Server[10006] 5k3v9xq2: The new certificate cannot be used, the old one stays: no key\n", line);
    }

    [Fact]
    public void A_JSON_line_has_the_values_by_name()
    {
        var line = Written(LogFormat.Json, log =>
        {
            using var scope = log.BeginScope("5k3v9xq2");
            Log.CertificateRefused(log, "no \"key\"");
        });
        using var json = JsonDocument.Parse(line);
        var root = json.RootElement;
        Assert.Equal("5k3v9xq2", root.GetProperty("session").GetString());
        Assert.Equal(10006, root.GetProperty("event").GetInt32());
        Assert.Equal("no \"key\"", root.GetProperty("values").GetProperty("reason").GetString());
        Assert.Equal(1, line.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("x\nY: forged", "x | Y: forged")]
    [InlineData("\u001b[2J", "?[2J")]
    public void What_a_peer_said_cannot_begin_a_line_or_speak_to_the_terminal(string said, string shown)
    {
        var line = Written(LogFormat.Text, log => Log.CertificateRefused(log, said));
        Assert.EndsWith(shown + "\n", line, StringComparison.Ordinal);
        Assert.Equal(1, line.Count(c => c == '\n'));
    }

    [Fact]
    public void What_is_beneath_the_level_is_not_written()
    {
        Assert.Equal("", Written(LogFormat.Text, Log.Stopped, LogLevel.Warning));
    }

    private static string Written(LogFormat format, Action<ILogger> act, LogLevel level = LogLevel.Information)
    {
        using var output = new MemoryStream();
        using (var logs = new Logs(new ServerConfig { LogFormat = format, LogLevel = level }, output, Time))
            act(logs.Factory.CreateLogger("Posthorn.Server"));
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
