using System.Globalization;

namespace Posthorn.Crash;

/// <summary>The run's own randomness. The seed is printed, and POSTHORN_SEED repeats it as far as the clock allows.</summary>
internal static class Chance
{
    public static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("POSTHORN_SEED"), CultureInfo.InvariantCulture, out int named)
            ? named
            : Random.Shared.Next();

    public static bool Long { get; } = Environment.GetEnvironmentVariable("POSTHORN_LONG") == "1";

    public static Random Make(int stream) => new(unchecked((Seed * 397) ^ stream));
}
