using Posthorn.Db.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(AbandonedHandles))]

namespace Posthorn.Db.Tests;

/// <summary>
/// Tests of sudden death leave databases open, as a dead process would. What the collector finds of them is closed here, after the last test,
/// and not in the few seconds that the runner gives the process for its end.
/// </summary>
public sealed class AbandonedHandles : IDisposable
{
    public void Dispose()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }
}
