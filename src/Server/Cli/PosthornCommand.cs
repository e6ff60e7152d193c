using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace Posthorn.Server;

// Server is the program: its command line, its configuration, and the composition of the rooms. It holds no rule about mail.
//
// A command parses, does one thing and returns its exit status: 0 done, 1 refused or failed (one line on stderr), 2 wrong usage. What it
// fails with is a CommandFailedException, or a refusal or an unavailable database, which are told the same way; anything else is a fault of ours.
// init, serve and check work on the data directory itself; the commands of Cli/Remote only ever talk to a running server, over its API.
//
// Secrets come from standard input or a prompt, never from an argument, and go to no log.

/// <summary>The command line: every command hangs below this root.</summary>
internal static class PosthornCommand
{
    /// <summary>Runs one command line to its end.</summary>
    /// <returns>The exit status.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        var parsed = Root().Parse(arguments);
        if (parsed.Errors.Count > 0) return await MisusedAsync(parsed.Errors.Select(fault => fault.Message));
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // serve has its own way of stopping
            });
        }
        catch (UsageException misuse)
        {
            return await MisusedAsync([misuse.Message]);
        }
        catch (ConfigFaultsException faults)
        {
            foreach (var fault in faults.Faults) await error.WriteLineAsync(fault.ToString());
            return ExitStatus.Failed;
        }
        catch (Exception failure) when (Failure.TryTell(failure, out var line))
        {
            await error.WriteLineAsync($"posthorn: {line}");
            return ExitStatus.Failed;
        }

        async Task<int> MisusedAsync(IEnumerable<string> faults)
        {
            foreach (var fault in faults) await error.WriteLineAsync($"posthorn: {fault}");
            await error.WriteLineAsync($"Try: {PathOf(parsed.CommandResult)} --help");
            return ExitStatus.Usage;
        }
    }

    private static RootCommand Root()
    {
        var root = new RootCommand("Posthorn, a mail server in one program.");
        root.Options.OfType<VersionOption>().Single().Action = new ShowVersion();
        root.Add(InitCommand.Make());
        root.Add(ServeCommand.Make());
        root.Add(CheckCommand.Make());
        root.Add(TrustCommands.Make());
        foreach (var command in RemoteCommands.All()) root.Add(command);
        return root;
    }

    private static string PathOf(CommandResult result)
    {
        var name = result.Command is RootCommand ? "posthorn" : result.Command.Name;
        return result.Parent is CommandResult parent ? $"{PathOf(parent)} {name}" : name;
    }

    private sealed class ShowVersion : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"posthorn {Release.Version}");
            return ExitStatus.Done;
        }
    }
}
