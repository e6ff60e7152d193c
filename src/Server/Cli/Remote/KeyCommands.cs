using System.CommandLine;
using Posthorn.Admin;

namespace Posthorn.Server;

/// <summary>The keys that sign for a domain: <c>posthorn domain key</c>.</summary>
internal static class KeyCommands
{
    private const int PemCharsMax = 16 * 1024;

    public static Command Create(RemoteOptions remote)
    {
        var group = new Command("key", "The keys that sign mail of a domain (DKIM).");
        group.Add(List(remote));
        group.Add(Rotate(remote));
        group.Add(Import(remote));
        return group;
    }

    private static Command List(RemoteOptions remote)
    {
        var name = Name();
        return remote.Command(
            "list",
            "Lists the keys of a domain.",
            async call => Tell(call, await call.Api.GetAsync(Of(call.Get(name)), AdminJson.Default.SigningKeyList, call.Ct)),
            name);
    }

    private static Command Rotate(RemoteOptions remote)
    {
        var name = Name();
        return remote.Command(
            "rotate",
            "Makes new keys; they sign once their records have been seen in the name system.",
            async call => Tell(call, await call.Api.DoAsync(
                HttpMethod.Post, $"domains/{ApiClient.Segment(call.Get(name))}/rotate-keys", AdminJson.Default.SigningKeyList, call.Ct)),
            name);
    }

    private static Command Import(RemoteOptions remote)
    {
        var name = Name();
        var selector = new Option<string>("--selector") { Description = "Where the key is published.", HelpName = "NAME", Required = true };
        return remote.Command(
            "import",
            "Takes a private key in PEM from standard input, which signs at once.",
            async call =>
            {
                var buffer = new char[PemCharsMax];
                var length = await Console.In.ReadBlockAsync(buffer.AsMemory(), call.Ct);
                var body = new SigningKeyImportBody(call.Get(selector)!, new string(buffer, 0, length));
                return Tell(call, await call.Api.SendAsync(
                    HttpMethod.Post, Of(call.Get(name)), body, AdminJson.Default.SigningKeyImportBody, AdminJson.Default.SigningKeyList, call.Ct));
            },
            name, selector);
    }

    private static int Tell(RemoteCall call, SigningKeyList keys) => call.Print(
        keys.Keys,
        AdminJson.Default.SigningKeyEntry,
        all => Text.WriteTable(
            call.Output,
            ["STATE", "NAME", "ALGORITHM", "SINCE"],
            all.Select(k => new[] { k.State.ToString().ToLowerInvariant(), k.Name, k.Algorithm, Text.Of(k.ChangedAt) })));

    private static string Of(string name) => $"domains/{ApiClient.Segment(name)}/keys";

    private static Argument<string> Name() => new("DOMAIN") { Description = "As example.org." };
}
