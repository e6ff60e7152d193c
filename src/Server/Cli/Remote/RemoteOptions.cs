using System.CommandLine;

namespace Posthorn.Server;

/// <summary>How a command finds the server, and how it prints; the same for each of them.</summary>
internal sealed class RemoteOptions
{
    private const string DataVariable = "POSTHORN_DATA";
    private const string TokenVariable = "POSTHORN_TOKEN";
    private const int TokenCharactersMax = 4096;

    private readonly Option<string?> _data = new("--data")
    {
        Description = $"The server's data directory, else ${DataVariable}, else ./data.",
        HelpName = "DIR",
        Recursive = true,
    };

    private readonly Option<string?> _url = new("--url")
    {
        Description = "Ask a server over the network, as https://mail.example.org.",
        HelpName = "URL",
        Recursive = true,
    };

    private readonly Option<string?> _tokenFile = new("--token-file")
    {
        Description = $"With --url: the file that holds the API token, or - for standard input; else ${TokenVariable}.",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print JSON.", Recursive = true };

    /// <summary>A command of the first level, which gives its options to those below.</summary>
    public Command Group(string name, string description, params Command[] commands)
    {
        var group = new Command(name, description) { _data, _url, _tokenFile, _json };
        foreach (var command in commands) group.Add(command);
        return group;
    }

    /// <summary>A command that makes calls.</summary>
    /// <param name="run">Ends with the exit status.</param>
    public Command Command(string name, string description, Func<RemoteCall, Task<int>> run, params Symbol[] symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        }
        return Runs(command, run);
    }

    public Command Runs(Command command, Func<RemoteCall, Task<int>> run)
    {
        command.SetAction(async (parsed, ct) =>
        {
            using var api = Open(parsed);
            return await run(new RemoteCall(parsed, api, parsed.GetValue(_json), ct));
        });
        return command;
    }

    private ApiClient Open(ParseResult parsed)
    {
        if (parsed.GetValue(_url) is { } url) return ApiClient.OverNetwork(url, Token(parsed.GetValue(_tokenFile)));
        var data = parsed.GetValue(_data) ?? Environment.GetEnvironmentVariable(DataVariable);
        return ApiClient.OverSocket(Path.GetFullPath(string.IsNullOrEmpty(data) ? "data" : data));
    }

    // Arguments are for everybody on the machine to see, so the token is none.
    private static string Token(string? file)
    {
        var token = file switch
        {
            null => Environment.GetEnvironmentVariable(TokenVariable),
            "-" => Console.In.ReadLine(),
            _ => File.ReadLines(file).FirstOrDefault(),
        };
        token = token?.Trim();
        if (string.IsNullOrEmpty(token)) throw new CommandFailedException($"a token is needed: --token-file FILE, or ${TokenVariable}");
        // RFC 6750 §2.1: what else is in it would only break the header.
        return token.Length <= TokenCharactersMax && token.All(c => char.IsAsciiLetterOrDigit(c) || "-._~+/=".Contains(c, StringComparison.Ordinal))
            ? token
            : throw new CommandFailedException("this is no token");
    }
}
