using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory.Tests;

/// <summary>A directory over an empty database, with cheap hashes and a clock that tests move.</summary>
internal sealed class House : IAsyncDisposable
{
    private House(Database db, MailDirectory directory, FakeTimeProvider clock) => (Db, Directory, Clock) = (db, directory, clock);

    public static Domain Example { get; } = Domain.Parse("example.test");

    public static Argon2Cost Cheap { get; } = new(8, 1);

    public Database Db { get; }

    public MailDirectory Directory { get; }

    public FakeTimeProvider Clock { get; }

    public Accounts Accounts => Directory.Accounts;

    public Aliases Aliases => Directory.Aliases;

    public AddressBook Book => Directory.AddressBook;

    public static async Task<House> OpenAsync(DatabaseSettings settings, DirectorySettings? directory = null)
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var db = await Database.OpenAsync(settings, [MailDirectory.Schema], clock, NullLoggerFactory.Instance, CancellationToken.None);
        var options = (directory ?? new DirectorySettings()) with { PasswordCost = Cheap };
        return new House(db, MailDirectory.Open(db, options, clock, NullLoggerFactory.Instance), clock);
    }

    public static EmailAddress At(string local) => EmailAddress.Parse(local + "@example.test");

    public static ReadOnlyMemory<byte> Secret(string text) => Encoding.UTF8.GetBytes(text);

    public async Task<House> WithDomainAsync()
    {
        (await Directory.Domains.AddAsync(Authority.System, Example)).Require();
        return this;
    }

    public async Task<Account> AddAsync(string local, Func<NewAccount, NewAccount>? with = null)
    {
        var wanted = new NewAccount(At(local));
        return (await Accounts.AddAsync(Authority.System, with?.Invoke(wanted) ?? wanted)).Require();
    }

    public async Task AliasAsync(string local, params string[] targets) =>
        (await Aliases.AddAsync(Authority.System, At(local), [.. targets.Select(EmailAddress.Parse)])).Require();

    /// <summary>The targets in words: "number" for an account (with "+detail"), the address for a remote one, or the refusal's kind.</summary>
    public async Task<string> ResolveAsync(string address)
    {
        var resolved = await Book.ResolveAsync(EmailAddress.Parse(address));
        return resolved.TryGet(out var targets)
            ? string.Join(' ', targets.Select(target => target switch
            {
                Target.Local local => local.Address.LocalPart + (local.Detail is null ? "" : "+" + local.Detail),
                Target.Remote remote => remote.Address.ToString(),
                _ => "?",
            }))
            : resolved.Refusal!.Kind.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        Directory.Dispose();
        await Db.DisposeAsync();
    }
}
