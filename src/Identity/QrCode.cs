using System.Globalization;
using System.Text;
using QRCoder;

namespace Posthorn.Identity;

/// <summary>A text as a picture that telephones read (ISO/IEC 18004), drawn into the page itself: black on white in either style.</summary>
internal static class QrCode
{
    public static Html Of(string text, string description)
    {
        using var generator = new QRCodeGenerator();
        using var code = generator.CreateQrCode(text, QRCodeGenerator.ECCLevel.M, forceUtf8: true);
        var rows = code.ModuleMatrix;
        // The library draws the quiet zone into the matrix already.
        var size = rows.Count;
        var path = new StringBuilder();
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                if (!rows[y][x]) continue;
                var from = x;
                while (x + 1 < size && rows[y][x + 1]) x++;
                path.Append(CultureInfo.InvariantCulture, $"M{from} {y}h{x - from + 1}v1h-{x - from + 1}z");
            }
        }
        return Html.Of($"""
            <svg class="qr" role="img" aria-label="{description}" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">
            <rect width="{size}" height="{size}" fill="#fff"/><path fill="#000" d="{path.ToString()}"/></svg>
            """);
    }
}
