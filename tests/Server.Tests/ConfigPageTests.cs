namespace Posthorn.Server.Tests;

public sealed class ConfigPageTests
{
    [Fact]
    public void The_page_of_the_keys_is_what_the_table_says()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Posthorn.slnx"))) folder = folder.Parent!;
        var page = Path.Combine(folder.FullName, "docs", "operate", "config.md");
        if (Environment.GetEnvironmentVariable("POSTHORN_REGENERATE") == "1") File.WriteAllText(page, ConfigPage.Write());
        Assert.Equal(ConfigPage.Write(), File.ReadAllText(page));
    }

    [Fact]
    public void No_two_keys_share_a_name_or_a_variable()
    {
        Assert.Distinct(ConfigKeys.All.Select(key => key.Path));
        Assert.Distinct(ConfigKeys.All.Select(key => key.Variable));
    }
}
