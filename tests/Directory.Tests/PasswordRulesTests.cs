using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Directory.Tests;

public sealed class PasswordRulesTests : IDisposable
{
    private static readonly EmailAddress Ann = EmailAddress.Parse("Annabella@example.test");

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("rules-").FullName;

    [Theory]
    [InlineData("short", false)]
    [InlineData("1234567", false)]
    [InlineData("ééééééé", false)] // 14 octets, 7 characters
    [InlineData("aaaaaaaaaaaa", false)]
    [InlineData("annabella", false)]
    [InlineData("ANNABELLA@example.test", false)]
    [InlineData("example.test", false)]
    [InlineData("annabella likes tea", true)]
    [InlineData("12345678", true)] // no list, no verdict
    [InlineData("пароль и ещё", true)]
    public void A_password_is_long_enough_and_not_the_name_alone(string password, bool taken) =>
        Assert.Equal(taken, new PasswordRules(null).Check(Encoding.UTF8.GetBytes(password), Ann) is null);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public void A_stolen_one_is_found_wherever_it_stands_in_the_list(int count)
    {
        var stolen = Enumerable.Range(0, count).Select(i => $"stolen password {i}").ToArray();
        var file = Path.Combine(_folder, "list.txt");
        // Lines of any length, as services hand them out, with a count behind a colon.
        File.WriteAllLines(file, stolen.Select(HashOf).Order(StringComparer.Ordinal).Select((hash, i) => i % 3 == 0 ? hash : $"{hash}:{i * i}"));
        var rules = new PasswordRules(file);
        foreach (var password in stolen) Assert.NotNull(rules.Check(Encoding.UTF8.GetBytes(password), Ann));
        for (var i = 0; i < 1000; i++) Assert.Null(rules.Check(Encoding.UTF8.GetBytes($"another password {i}"), Ann));
    }

    [Theory]
    [InlineData("", "\n")]
    [InlineData(".txt", "\r\n")]
    public void A_folder_of_ranges_is_read_by_the_first_five_digits(string suffix, string lineEnd)
    {
        var hash = HashOf("stolen password");
        string[] lines = [new string('0', 35) + ":7", hash[5..].ToLowerInvariant() + ":2", new string('F', 35) + ":1"];
        File.WriteAllText(Path.Combine(_folder, hash[..5] + suffix), string.Join(lineEnd, lines));
        var rules = new PasswordRules(_folder);
        Assert.NotNull(rules.Check("stolen password"u8, Ann));
        Assert.Null(rules.Check("another password"u8, Ann));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n\n")]
    [InlineData("no hash at all")]
    public void A_list_that_is_none_finds_nothing_and_ends(string text)
    {
        var file = Path.Combine(_folder, "list.txt");
        File.WriteAllText(file, text);
        Assert.Null(new PasswordRules(file).Check("a fine password"u8, Ann));
    }

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    private static string HashOf(string password)
    {
#pragma warning disable CA5350
        return Convert.ToHexString(SHA1.HashData(Encoding.UTF8.GetBytes(password)));
#pragma warning restore CA5350
    }
}
