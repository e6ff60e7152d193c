using System.CommandLine;

namespace Posthorn.Server;

/// <summary>The commands that talk to a running server, over its admin socket or its API.</summary>
internal static class RemoteCommands
{
    public static IEnumerable<Command> All()
    {
        var remote = new RemoteOptions();
        return
        [
            DomainCommands.Create(remote), AccountCommands.Create(remote), AliasCommands.Create(remote), QueueCommands.Create(remote),
            ReportCommands.Create(remote), RouteCommands.Create(remote), SuppressionCommands.Create(remote), TlsCommands.Create(remote),
            TokenCommands.Create(remote), AppPasswordCommands.Create(remote),
            BanCommands.Create(remote), RuleCommands.Create(remote), TraceCommand.Create(remote),
            VerifyCommand.Create(remote),
        ];
    }
}
