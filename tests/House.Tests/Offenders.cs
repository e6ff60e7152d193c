namespace Posthorn.House.Tests;

internal static class Offenders
{
    /// <summary>Fails with the whole list, one a line: whoever broke the rule wants to see every place.</summary>
    public static void None<T>(IEnumerable<T> found)
    {
        T[] all = [.. found];
        Assert.True(all.Length == 0, $"{all.Length} found:\n  {string.Join("\n  ", all)}");
    }
}
