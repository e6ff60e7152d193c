using System.Net;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Directory.Tests;

public abstract partial class DirectoryTests
{
    private static readonly LoginContext WithTls = new("imap", IPAddress.Parse("192.0.2.1"), true) { ServerEndPoint = new byte[] { 1, 2, 3 } };
    private static readonly LoginContext NoBinding = WithTls with { ServerEndPoint = default };

    // RFC 5802 §5, RFC 7677 §3
    [Theory]
    [InlineData(
        "SCRAM-SHA-1", "QSXCR+Q6sek8bf92", "n=user,r=fyko+d2lbbFgONRv9qkxdawL", "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
        "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ=")]
    [InlineData(
        "SCRAM-SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==", "n=user,r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")]
    public void The_examples_of_the_RFCs_are_accepted(string mechanism, string salt, string first, string nonce, string proof, string signature)
    {
        var hash = ScramHash.All.Single(known => known.Mechanism == mechanism);
        var made = ScramVerifier.Make(hash, "pencil"u8, Convert.FromBase64String(salt), 4096);
        Assert.True(ScramVerifier.TryParse(made.ToString(), out var verifier));
        var message = Encoding.ASCII.GetBytes($"{first},{nonce},s={salt},i=4096,c=biws,{nonce}");
        Assert.True(verifier.Accepts(Convert.FromBase64String(proof), message));
        Assert.Equal(signature, Convert.ToBase64String(verifier.Signature(message)));
        message[^1] ^= 1;
        Assert.False(verifier.Accepts(Convert.FromBase64String(proof), message));
    }

    [Theory]
    [InlineData("SCRAM-SHA-256")]
    [InlineData("SCRAM-SHA-1")]
    [InlineData("scram-sha-256-plus")]
    [InlineData("SCRAM-SHA-1-PLUS")]
    public async Task Who_knows_the_password_is_logged_in_and_knows_the_server(string mechanism)
    {
        await using var house = await OpenScramAsync();
        var client = new ScramClient(house, mechanism, "Ann@example.test", "correct horse");
        var identity = (await client.RunAsync(WithTls)).Require();
        Assert.Equal((House.At("ann"), "Ann@example.test"), (identity.Address, identity.Login));
        Assert.True(client.ServerIsKnown);
        Assert.Equal(RefusalKind.NotAuthenticated, await RefusedAsync(house, mechanism, "ann@example.test", "wrong horse"));
    }

    [Fact]
    public async Task It_is_offered_where_a_domain_allows_it_and_bound_where_there_is_TLS()
    {
        await using var house = await OpenExampleAsync();
        var authenticator = house.Directory.Authenticator;
        Assert.Equal(["PLAIN", "LOGIN"], authenticator.Mechanisms(WithTls));
        Assert.Null(authenticator.Start("SCRAM-SHA-256", WithTls));
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { Scram = true })).Require();
        Assert.Equal(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"], authenticator.Mechanisms(WithTls));
        Assert.Equal(["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"], authenticator.Mechanisms(NoBinding));
        Assert.Empty(authenticator.Mechanisms(WithTls with { Encrypted = false }));
        Assert.Null(authenticator.Start("SCRAM-SHA-256-PLUS", NoBinding));
        Assert.Null(authenticator.Start("SCRAM-SHA-512", WithTls));
    }

    [Fact]
    public async Task A_connection_that_ends_at_somebody_else_is_found_out()
    {
        await using var house = await OpenScramAsync();
        var relayed = new ScramClient(house, "SCRAM-SHA-256-PLUS", "ann@example.test", "correct horse") { Binding = [9, 9, 9] };
        Assert.Equal(RefusalKind.NotAuthenticated, (await relayed.RunAsync(WithTls)).Refusal!.Kind);
        // RFC 5802 §6: the client could bind, and was told that the server cannot.
        var stripped = new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", "correct horse") { Header = "y,," };
        Assert.Equal(Authenticator.WrongBinding, (await stripped.RunAsync(WithTls)).Refusal);
        var plain = new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", "correct horse") { Header = "y,," };
        Assert.True((await plain.RunAsync(NoBinding)).Ok);
    }

    [Fact]
    public async Task A_name_that_nobody_has_looks_like_any_other()
    {
        await using var house = await OpenScramAsync();
        await house.AddAsync("old"); // has no password at all
        foreach (var login in (string[])["nobody@example.test", "old@example.test", "ann@elsewhere.test", "no address"])
        {
            var client = new ScramClient(house, "SCRAM-SHA-256", login, "correct horse");
            Assert.Equal(RefusalKind.NotAuthenticated, (await client.RunAsync(WithTls)).Refusal!.Kind);
            var again = new ScramClient(house, "SCRAM-SHA-256", login, "x");
            await again.RunAsync(WithTls);
            Assert.Equal(client.Salt, again.Salt);
            Assert.Equal((ScramVerifier.SaltOctets, ScramVerifier.IterationsOfToday), (client.Salt!.Length, client.Iterations));
        }
    }

    [Fact]
    public async Task A_password_from_before_is_taken_over_at_its_next_log_in()
    {
        await using var house = await OpenExampleAsync();
        await house.AddAsync("ann", account => account with { Password = House.Secret("correct horse") });
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { Scram = true })).Require();
        Assert.False((await new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", "correct horse").RunAsync(WithTls)).Ok);
        Assert.True((await house.Directory.Authenticator.PasswordAsync("ann@example.test", House.Secret("correct horse"), WithTls)).Ok);
        Assert.True((await new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", "correct horse").RunAsync(WithTls)).Ok);
        (await house.Accounts.SetPasswordAsync(Authority.System, House.At("ann"), House.Secret("another horse"))).Require();
        Assert.False((await new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", "correct horse").RunAsync(WithTls)).Ok);
        Assert.True((await new ScramClient(house, "SCRAM-SHA-1", "ann@example.test", "another horse").RunAsync(WithTls)).Ok);
    }

    [Fact]
    public async Task What_the_domain_does_not_allow_any_more_is_forgotten()
    {
        await using var house = await OpenScramAsync();
        Assert.Equal(3, await CredentialsAsync(house));
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { Scram = false })).Require();
        Assert.Equal(1, await CredentialsAsync(house));
        Assert.Equal(["PLAIN", "LOGIN"], house.Directory.Authenticator.Mechanisms(WithTls));
    }

    [Fact]
    public async Task A_disabled_account_hears_so_only_with_the_right_password()
    {
        await using var house = await OpenScramAsync();
        (await house.Accounts.DisableAsync(Authority.System, House.At("ann"))).Require();
        Assert.Equal(RefusalKind.Disabled, await RefusedAsync(house, "SCRAM-SHA-256", "ann@example.test", "correct horse"));
        Assert.Equal(RefusalKind.NotAuthenticated, await RefusedAsync(house, "SCRAM-SHA-256", "ann@example.test", "wrong"));
    }

    [Fact]
    public async Task Guessing_is_throttled_as_with_passwords()
    {
        await using var house = await OpenScramAsync();
        for (var i = 0; i < 10; i++) await new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", "wrong").RunAsync(WithTls);
        Assert.Equal(RefusalKind.TooMany, await RefusedAsync(house, "SCRAM-SHA-256", "ann@example.test", "correct horse"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("n")]
    [InlineData("n,,")]
    [InlineData("n,,n=ann@example.test")]
    [InlineData("n,,n=ann@example.test,r=")]
    [InlineData("n,,n=,r=abc")]
    [InlineData("n,,n=a=b,r=abc")]
    [InlineData("n,,m=ext,n=ann@example.test,r=abc")]
    [InlineData("n,x,n=ann@example.test,r=abc")]
    [InlineData("p=tls-unique,,n=ann@example.test,r=abc")]
    [InlineData("p=tls-server-end-point,,n=ann@example.test,r=abc")]
    [InlineData("x,,n=ann@example.test,r=abc")]
    public async Task What_is_no_first_message_ends_the_exchange(string message)
    {
        await using var house = await OpenScramAsync();
        var exchange = house.Directory.Authenticator.Start("SCRAM-SHA-256", WithTls)!;
        Assert.Equal(SaslState.Malformed, (await exchange.StepAsync(Encoding.UTF8.GetBytes(message), CancellationToken.None)).State);
        Assert.Equal(SaslState.Malformed, (await exchange.StepAsync("n,,n=ann@example.test,r=abc"u8.ToArray(), CancellationToken.None)).State);
    }

    [Fact]
    public async Task Acting_as_somebody_else_is_refused_and_as_oneself_is_not()
    {
        await using var house = await OpenScramAsync();
        var other = new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", "correct horse") { Header = "n,a=bob@example.test," };
        Assert.Equal(RefusalKind.Forbidden, (await other.RunAsync(WithTls)).Refusal!.Kind);
        var same = new ScramClient(house, "SCRAM-SHA-256", "ann@example.test", "correct horse") { Header = "n,a=ANN@example.test," };
        Assert.True((await same.RunAsync(WithTls)).Ok);
    }

    [Fact]
    public async Task A_client_certificate_logs_in_its_account_and_no_other()
    {
        await using var house = await OpenScramAsync();
        var authenticator = house.Directory.Authenticator;
        var context = WithTls with { CertificateAddress = "Ann@example.test" };
        Assert.Equal("EXTERNAL", authenticator.Mechanisms(context)[0]);
        Assert.Null(authenticator.Start("EXTERNAL", WithTls));
        Assert.Equal(House.At("ann"), (await ExternalAsync(context, "")).Require().Address);
        Assert.Equal(House.At("ann"), (await ExternalAsync(context, "ann@example.test")).Require().Address);
        Assert.Equal(RefusalKind.Forbidden, (await ExternalAsync(context, "bob@example.test")).Refusal!.Kind);
        Assert.Equal(RefusalKind.NotAuthenticated, (await ExternalAsync(context with { CertificateAddress = "eve@example.test" }, "")).Refusal!.Kind);
        (await house.Accounts.DisableAsync(Authority.System, House.At("ann"))).Require();
        Assert.Equal(RefusalKind.Disabled, (await ExternalAsync(context, "")).Refusal!.Kind);

        async Task<Result<Identity>> ExternalAsync(LoginContext from, string authorizeAs)
        {
            var exchange = authenticator.Start("external", from)!;
            Assert.Equal(SaslState.Challenge, (await exchange.BeginAsync(CancellationToken.None)).State);
            return (await exchange.StepAsync(Encoding.UTF8.GetBytes(authorizeAs), CancellationToken.None)).Outcome;
        }
    }

    private static async Task<RefusalKind> RefusedAsync(House house, string mechanism, string login, string password) =>
        (await new ScramClient(house, mechanism, login, password).RunAsync(WithTls)).Refusal!.Kind;

    private async Task<House> OpenScramAsync()
    {
        var house = await OpenExampleAsync();
        (await house.Directory.Domains.ChangeAsync(Authority.System, House.Example, new DomainChange { Scram = true })).Require();
        await house.AddAsync("ann", account => account with { Password = House.Secret("correct horse") });
        return house;
    }

    private static ValueTask<long> CredentialsAsync(House house) =>
        house.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM credential").Scalar()!.Value);

    /// <summary>The client's side, as RFC 5802 §5 has it.</summary>
    private sealed class ScramClient(House house, string mechanism, string login, string password)
    {
        private readonly ScramHash _hash = ScramHash.All.Single(
            hash => mechanism.ToUpperInvariant().Replace("-PLUS", "", StringComparison.Ordinal) == hash.Mechanism);

        public string Header { get; init; } =
            mechanism.EndsWith("PLUS", StringComparison.OrdinalIgnoreCase) ? "p=tls-server-end-point,," : "n,,";

        public byte[]? Binding { get; init; }

        public byte[]? Salt { get; private set; }

        public int Iterations { get; private set; }

        public bool ServerIsKnown { get; private set; }

        public async Task<Result<Identity>> RunAsync(LoginContext context)
        {
            var exchange = house.Directory.Authenticator.Start(mechanism, context)!;
            var bare = $"n={login},r=" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(12));
            var answer = await exchange.StepAsync(Encoding.UTF8.GetBytes(Header + bare), CancellationToken.None);
            if (answer.State == SaslState.Complete) return answer.Outcome;
            Assert.Equal(SaslState.Challenge, answer.State);
            var first = Encoding.UTF8.GetString(answer.Challenge.Span);
            var words = first.Split(',');
            (Salt, Iterations) = (Convert.FromBase64String(words[1][2..]), int.Parse(words[2][2..]));
            Assert.StartsWith(bare[(bare.IndexOf(",r=", StringComparison.Ordinal) + 1)..], words[0], StringComparison.Ordinal);
            byte[] binding = [.. Encoding.UTF8.GetBytes(Header), .. Header[0] == 'p' ? Binding ?? context.ServerEndPoint.ToArray() : []];
            var without = $"c={Convert.ToBase64String(binding)},{words[0]}";
            var message = Encoding.UTF8.GetBytes($"{bare},{first},{without}");
            var salted = ScramVerifier.Salted(_hash, Encoding.UTF8.GetBytes(password), Salt, Iterations);
            var key = ScramVerifier.Hmac(_hash, salted, "Client Key"u8);
            var signature = ScramVerifier.Hmac(_hash, CryptographicOperations.HashData(_hash.Name, key), message);
            var proof = Convert.ToBase64String([.. key.Zip(signature, (a, b) => (byte)(a ^ b))]);
            answer = await exchange.StepAsync(Encoding.UTF8.GetBytes($"{without},p={proof}"), CancellationToken.None);
            if (answer.State == SaslState.Complete) return answer.Outcome;
            var expected = ScramVerifier.Hmac(_hash, ScramVerifier.Hmac(_hash, salted, "Server Key"u8), message);
            ServerIsKnown = Encoding.ASCII.GetString(answer.Challenge.Span) == "v=" + Convert.ToBase64String(expected);
            return (await exchange.StepAsync(default, CancellationToken.None)).Outcome;
        }
    }
}
