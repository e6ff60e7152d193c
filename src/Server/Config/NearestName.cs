namespace Posthorn.Server;

/// <summary>Which known name somebody meant.</summary>
internal static class NearestName
{
    /// <summary>Longest text that is compared: what is longer was not meant to be a name.</summary>
    private const int LengthMax = 64;

    /// <returns>None when nothing is near enough.</returns>
    public static string? Of(string wrong, IEnumerable<string> known)
    {
        if (wrong.Length > LengthMax) return null;
        var nearest = default(string);
        var least = Math.Max(2, wrong.Length / 3) + 1;
        foreach (var name in known)
        {
            var distance = Distance(wrong, name);
            if (distance < least) (nearest, least) = (name, distance);
        }
        return nearest;
    }

    /// <summary>Letters to add, drop, change, or swap with their neighbour.</summary>
    internal static int Distance(string left, string right)
    {
        // Row i holds the distances of the first i letters of left to each beginning of right.
        var width = right.Length + 1;
        var rows = new int[(left.Length + 1) * width];
        for (var j = 0; j < width; j++) rows[j] = j;
        for (var i = 1; i <= left.Length; i++)
        {
            rows[i * width] = i;
            for (var j = 1; j < width; j++)
            {
                var here = (i * width) + j;
                var least = rows[here - width - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                least = Math.Min(least, Math.Min(rows[here - width], rows[here - 1]) + 1);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                    least = Math.Min(least, rows[here - (2 * width) - 2] + 1);
                rows[here] = least;
            }
        }
        return rows[^1];
    }
}
