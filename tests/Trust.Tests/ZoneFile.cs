using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Dns;

namespace Posthorn.Trust.Tests;

/// <summary>A resolver that answers from a master file of its own.</summary>
internal sealed class ZoneFile : IAsyncDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public ZoneFile(string text)
    {
        File.WriteAllText(_path, text);
        Resolver = Resolver.Open(new DnsSettings { ZoneFile = _path }, TimeProvider.System, NullLoggerFactory.Instance);
    }

    public Resolver Resolver { get; }

    public async ValueTask DisposeAsync()
    {
        await Resolver.DisposeAsync();
        File.Delete(_path);
    }
}
