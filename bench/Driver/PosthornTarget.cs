using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Posthorn.Bench;

/// <summary>
/// Posthorn as an operator installs it: `init`, `serve`, accounts by the command line, every default kept but the limits on what an account sends.
/// </summary>
internal sealed partial class PosthornTarget : Target
{
    private const int Terminate = 15;
    private readonly string _program;
    private Process? _server;

    public PosthornTarget(string repositoryRoot, string dataRoot) : base("posthorn", dataRoot)
    {
        var named = Environment.GetEnvironmentVariable("POSTHORN_EXE");
        var native = Path.Combine(repositoryRoot, "dist", "posthorn");
        var jit = Path.Combine(repositoryRoot, "src", "Server", "bin", "Release", "net10.0", "posthorn");
        _program = !string.IsNullOrEmpty(named) ? Path.GetFullPath(named) : File.Exists(native) ? native : jit;
        if (!File.Exists(_program))
            throw new UsageException("no posthorn to measure: run ./build, or set POSTHORN_EXE, or build src/Server with -c Release");
        IsNative = !File.Exists(Path.ChangeExtension(_program, ".dll")) && !File.Exists(_program + ".dll");
        if (!IsNative)
            Console.Error.WriteLine("WARNING: this is the JIT build, not the native executable; its figures are not the release's.");
        Description = $"Posthorn {FileVersionInfo.GetVersionInfo(_program).ProductVersion ?? ""} ({(IsNative ? "native" : "JIT")})";
    }

    public override string Description { get; }
    public bool IsNative { get; }

    // contract.md: every key of the file has an override by environment.
    private Dictionary<string, string> Environs => new(StringComparer.Ordinal)
    {
        ["POSTHORN_AUTH_ALLOW_PLAINTEXT_ON_LOOPBACK"] = "true",
        ["POSTHORN_DNS_SERVER"] = $"{DnsStub.Address}:53",
        ["POSTHORN_DATA"] = Data,
        ["POSTHORN_DELIVERY_PORT"] = $"{(SinkPort > 0 ? SinkPort : 25)}",
        // The peer lets an account send as much as it likes.
        ["POSTHORN_LIMITS_SENT_MESSAGES"] = "1000000000",
        ["POSTHORN_LIMITS_SENT_RECIPIENTS"] = "1000000000",
        ["POSTHORN_LIMITS_SENT_FIRST_TIME"] = "1000000000",
    };

    public int HttpsPort => Base + 443;

    public override int OutboundPort => Base + 587;
    public override bool OutboundNeedsLogin => true;

    public override void HoldOutbound() => Run([_program, "route", "add", "hold", "--data", Data]);

    public override void ReleaseOutbound() => Run([_program, "queue", "release", "--all", "--data", Data]);

    protected override void Install() => Run(
        [_program, "init", "--data", Data, "--hostname", "mx.bench.test", "--domain", "bench.test", "--admin", "admin@bench.test",
            "--port-offset", $"{Base}", "--listen", "127.0.0.1", "--password-stdin"], Password);

    protected override void Launch(IReadOnlyList<string> tracer)
    {
        _server = Processes.Launch(
            [.. tracer, _program, "serve", "--config", Path.Combine(Data, "posthorn.toml")], Path.Combine(Data, "serve.log"), Environs);
        Processes.Watch([_server.Id]);
    }

    protected override void CreateAccounts()
    {
        for (int i = 0; i < Accounts; i++)
            Run([_program, "account", "add", Account(i), "--password-stdin", "--data", Data], Password);
    }

    protected override void Halt()
    {
        if (_server is null)
            return;
        // Under a tracer the server is its child: the request to stop goes to all processes of the group.
        foreach (var id in Processes.Ids())
            _ = Kill(id, Terminate);
        _server.WaitForExit(15_000);
        _server.Dispose();
        _server = null;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int id, int signal);
}
