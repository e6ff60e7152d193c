using System.Diagnostics;

namespace Posthorn.Crash;

/// <summary>The instrument itself, under a C program of which everything is known.</summary>
public sealed class SlowDiskTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("posthorn-slow-").FullName;
    private string _program = "";

    private string Written => Path.Combine(_folder, "written");

    public async ValueTask InitializeAsync() => _program = await Tool.CompileAsync("syncer.c", Path.Combine(_folder, "syncer"));

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Every_sync_waits()
    {
        long began = Stopwatch.GetTimestamp();
        var ending = await RunAsync(await SlowDisk.DelayAsync(20), 10);
        Assert.Equal("10 synced\n", ending.Require().Output);
        Assert.True(Stopwatch.GetElapsedTime(began) >= TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public async Task Syncs_fail_when_the_flag_is_raised()
    {
        string flag = Path.Combine(_folder, "flag");
        Assert.Equal("4 synced\n", (await RunAsync(await SlowDisk.FailAsync(flag), 4)).Require().Output);
        await File.WriteAllTextAsync(flag, "", TestContext.Current.CancellationToken);
        Assert.Equal("0 synced, then errno 5\n", (await RunAsync(await SlowDisk.FailAsync(flag), 4)).Output);
    }

    [Fact]
    public async Task No_write_finds_room_while_the_flag_is_raised()
    {
        string flag = Path.Combine(_folder, "flag");
        await File.WriteAllTextAsync(flag, "", TestContext.Current.CancellationToken);
        Assert.Equal(3, (await RunAsync(await SlowDisk.FillAsync(flag), 1)).Status);
        File.Delete(flag);
        Assert.Equal("1 synced\n", (await RunAsync(await SlowDisk.FillAsync(flag), 1)).Require().Output);
    }

    [Fact]
    public async Task A_process_dies_in_the_named_sync()
    {
        Assert.NotEqual(0, (await RunAsync(await SlowDisk.KillInSyncAsync(3, null), 5)).Status);
        Assert.Equal(24, new FileInfo(Written).Length);
    }

    [Fact]
    public async Task A_process_dies_in_the_middle_of_the_named_write()
    {
        Assert.NotEqual(0, (await RunAsync(await SlowDisk.KillInWriteAsync(3, null), 5)).Status);
        Assert.Equal(20, new FileInfo(Written).Length);
    }

    private Task<Ending> RunAsync(Dictionary<string, string> preload, int count) => Tool.RunAsync([_program, Written, $"{count}"], "", preload);
}
