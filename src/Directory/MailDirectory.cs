using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

// The room of names and of who may do what. It owns domains, accounts, aliases, credentials, roles and API tokens, and decides
// alone where a recipient's mail goes and who is logged in.
//
// What holds here:
//  * An address is one thing: an account, an alias, or undefined. A removed account keeps its address until it is purged.
//  * Names are compared as the final domain compares them: local parts by LocalKey, domains by A-label. What was typed is kept for people.
//  * Account numbers come from a counter and are never used again.
//  * Every change passes an Authority, which refuses what reaches beyond it; no speaker decides about rights.
//  * A password is known only while a log-in is under way. Passwords are stored as Argon2id with their parameters, API tokens as
//    SHA-256 (their secrets have 256 random bits), web sessions likewise; a log line or a refusal never carries either.
//  * SCRAM's verifiers lie beside the hash only where the domain allows them; they go when it does not any more. Those of app passwords,
//    which are random, always lie beside theirs.
//  * A right app password opens whatever guesses others have made at its account; a wrong one is a wrong password like any other.
//  * What is revoked ends the connections that it has opened, on every node.
//  * Unknown logins cost what known ones do.
//  * What AddressBook remembers is dropped in OnCommit of every change here, and by a notice on the other nodes.
//
// Locks: LoginThrottle, Conduct, LiveLogins, AppPasswords and ProvenPasswords each have one, held for dictionary work only. AddressBook's cache
// is lock-free.
// What this room must never do: touch mail (others hang their work on Accounts.Provisioning, QuotaChanged and Purging), or answer an
// unknown login and a wrong password differently.

/// <summary>The directory of one server: the door to its parts.</summary>
public sealed class MailDirectory : IDisposable
{
    private readonly Database _db;
    private readonly Generation _generation;
    private readonly PasswordCheck _passwords;
    private readonly LiveLogins _live;

    private MailDirectory(Database db, Vault? vault, DirectorySettings settings, TimeProvider time, ILoggerFactory logs)
    {
        var log = logs.CreateLogger("Posthorn.Directory");
        _db = db;
        _generation = new Generation(db);
        _passwords = new PasswordCheck(settings);
        var scram = new ScramOffer(db, _generation);
        Domains = new Domains(db, _generation, scram, log);
        _live = new LiveLogins(db);
        Accounts = new Accounts(db, _generation, _passwords, _live, settings, time, log);
        AppPasswords = new AppPasswords(db, _live, time, log);
        Aliases = new Aliases(db, _generation, log);
        Tokens = new Tokens(db, time, log);
        AddressBook = new AddressBook(db, _generation);
        Sending = new SendingAllowance(db, settings, time);
        Bans = new Bans(db, time, log);
        Conduct = new Conduct(Bans, settings, time, log);
        Greylist = new Greylist(db, settings, time);
        Sessions = new WebSessions(db, time, log);
        History = new LoginHistory(db, time, log);
        News = new AccountNews(db, time);
        PasswordLinks = new PasswordLinks(db, Accounts, time, log);
        Authenticator = new Authenticator(db, settings, _passwords, scram, AppPasswords, _live, Conduct, History, time, log);
        SecondFactors = new SecondFactors(db, vault, settings, History, time, log);
        Passkeys = new Passkeys(db, Authenticator, log);
        _ = scram.RefreshAsync(); // before the first greeting
    }

    public static Schema Schema { get; } = new(DirectorySchema.Room, DirectorySchema.Steps);

    /// <summary>Where this room keeps secrets that it must read again.</summary>
    public static IReadOnlyList<SealedColumn> SealedColumns { get; } = [SecondFactors.Seeds];

    public Domains Domains { get; }

    public Accounts Accounts { get; }

    public AppPasswords AppPasswords { get; }

    public Aliases Aliases { get; }

    public Tokens Tokens { get; }

    public AddressBook AddressBook { get; }

    public SendingAllowance Sending { get; }

    public Bans Bans { get; }

    public Conduct Conduct { get; }

    public Greylist Greylist { get; }

    public Authenticator Authenticator { get; }

    public WebSessions Sessions { get; }

    public SecondFactors SecondFactors { get; }

    public LoginHistory History { get; }

    public PasswordLinks PasswordLinks { get; }

    public AccountNews News { get; }

    public Passkeys Passkeys { get; }

    /// <param name="db">Opened with <see cref="Schema"/> among its schemas.</param>
    /// <param name="vault">Opened with <see cref="SealedColumns"/> among its columns; without one, what must be sealed is refused.</param>
    public static MailDirectory Open(Database db, DirectorySettings settings, TimeProvider time, ILoggerFactory logs, Vault? vault = null) =>
        new(db, vault, settings, time, logs);

    public void Dispose()
    {
        _live.Dispose();
        _generation.Dispose();
        _passwords.Dispose();
    }
}
