using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Server.Tests;

public sealed class InstallationTests
{
    [Fact]
    public async Task Init_makes_a_directory_for_its_owner_alone_with_a_config_that_has_no_faults()
    {
        using var place = new TestPlace();
        var outcome = await place.Installation.CompleteAsync(TimeProvider.System, CancellationToken.None);
        Assert.True(outcome.FileWritten);
        Assert.Equal("mail.example.test", outcome.Config.Hostname.Ascii);
        Assert.Equal(place.Offset, outcome.Config.PortOffset);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(place.Data, "posthorn.toml")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(place.Data, "tls", "self-signed.key")));
        var inside = Path.Combine(place.Data, "inside");
        await (place.Installation with { Directory = inside }).CompleteAsync(TimeProvider.System, CancellationToken.None);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(inside));
    }

    [Fact]
    public async Task The_password_that_init_makes_logs_the_administrator_in()
    {
        using var place = new TestPlace();
        var outcome = await place.Installation.CompleteAsync(TimeProvider.System, CancellationToken.None);
        await using var storage = await Storage.OpenAsync(outcome.Config, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
        var login = await storage.Directory.Authenticator.PasswordAsync(
            "admin@example.test", Encoding.UTF8.GetBytes(outcome.NewPassword!), new LoginContext("imap", null, true));
        Assert.Equal(Role.Admin, login.Require().Role);
    }

    [Fact]
    public async Task A_second_init_changes_nothing()
    {
        using var place = new TestPlace();
        await (place.Installation with { Password = "the first one"u8.ToArray() }).CompleteAsync(TimeProvider.System, CancellationToken.None);
        var text = await File.ReadAllTextAsync(place.Installation.ConfigPath);
        var key = await File.ReadAllTextAsync(Path.Combine(place.Data, "tls", "self-signed.pem"));
        var wish = place.Installation with { Password = "another one"u8.ToArray(), PortOffset = 1 };
        var again = await wish.CompleteAsync(TimeProvider.System, CancellationToken.None);
        Assert.Equal((false, false, null), (again.FileWritten, again.AccountAdded, again.NewPassword));
        Assert.Equal(text, await File.ReadAllTextAsync(place.Installation.ConfigPath));
        Assert.Equal(key, await File.ReadAllTextAsync(Path.Combine(place.Data, "tls", "self-signed.pem")));
        await using var storage = await Storage.OpenAsync(again.Config, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
        var login = await storage.Directory.Authenticator.PasswordAsync(
            "admin@example.test", "the first one"u8.ToArray(), new LoginContext("imap", null, true));
        Assert.True(login.Ok);
    }

    [Fact]
    public async Task Init_goes_on_where_it_was_interrupted()
    {
        using var place = new TestPlace();
        var config = await place.InstallAsync();
        await using (var storage = await Storage.OpenAsync(config, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None))
        {
            // As if the process had ended between the domain and the administrator.
            var other = Domain.Parse("other.test");
            (await storage.Directory.Domains.AddAsync(Authority.System, other)).Require();
        }
        File.Delete(Path.Combine(place.Data, "tls", "self-signed.pem"));
        await File.WriteAllTextAsync(Path.Combine(place.Data, "posthorn.toml.new"), "vers");
        var wish = place.Installation with { Domain = Domain.Parse("other.test"), Admin = EmailAddress.Parse("boss@other.test") };
        var outcome = await wish.CompleteAsync(TimeProvider.System, CancellationToken.None);
        Assert.True(outcome.AccountAdded);
        Assert.True(File.Exists(Path.Combine(place.Data, "tls", "self-signed.pem")));
    }

    [Fact]
    public async Task Init_beside_a_running_server_says_so()
    {
        using var place = new TestPlace();
        var config = await place.InstallAsync();
        await using var storage = await Storage.OpenAsync(config, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => place.InstallAsync());
        Assert.Contains("a server is running on it", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Passwords_that_are_made_do_not_repeat()
    {
        Assert.Distinct(Enumerable.Range(0, 100).Select(_ => Installation.MakePassword()));
        Assert.Matches("^([a-z0-9]{4}-){4}[a-z0-9]{4}$", Installation.MakePassword());
    }
}
