using System.Text;

namespace Posthorn.Server;

/// <summary>docs/operate/config.md, written from the table of keys; a test compares the two.</summary>
internal static class ConfigPage
{
    private const string Head = """
        # Configuration

        `posthorn.toml` says what the machine is: its name, its data directory, its ports, its database. Everything else (domains, accounts, aliases,
        tokens) lies in the database and is changed while the server runs, by `posthorn` and by the API.

        `posthorn init` writes the file into the data directory. `posthorn check` reads it and says of each fault the line, what is wrong and what
        would be right; `posthorn serve` does the same before it starts. The file carries `version = 1`; a file of an older version is read for ever.

        Each key can be overridden by the environment: `[database] url` is `POSTHORN_DATABASE_URL`, `data` is `POSTHORN_DATA`. A list is separated by
        spaces or commas there, and a relative path starts in the working directory.

        ```toml
        version = 1
        hostname = "mail.example.org"
        [listen]
        address = ["0.0.0.0", "::"]
        [database]
        url = "sqlite:"
        [tls]
        certificate = "self-signed"
        ```

        <!-- The rest is written from src/Server/Config/ConfigKeys.cs. -->

        """;

    public static string Write()
    {
        var page = new StringBuilder(Head);
        foreach (var section in ConfigKeys.All.GroupBy(key => key.Section))
        {
            page.Append('\n').Append(section.Key.Length == 0 ? "## At the top" : $"## [{section.Key}]").Append('\n');
            foreach (var key in section)
            {
                page.Append('\n').Append("### ").Append(key.Name).Append("\n\n").Append(key.Doc).Append("\n\n");
                page.Append("- default: ").Append(DefaultOf(key)).Append('\n');
                page.Append("- value: ").Append(key.Expected).Append('\n');
                page.Append("- environment: `").Append(key.Variable).Append("`\n");
            }
        }
        return page.ToString();
    }

    private static string DefaultOf(ConfigKey key) => key switch
    {
        { Required: true } => "none; the key is required",
        { Default.Length: 0 } => "none",
        _ => $"`{key.Default}`",
    };
}
