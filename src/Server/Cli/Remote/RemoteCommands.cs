using System.CommandLine;

namespace Posthorn.Server;

/// <summary>The commands that talk to a running server, over its admin socket or its API.</summary>
internal static class RemoteCommands
{
    public static IEnumerable<Command> All() => [];
}
