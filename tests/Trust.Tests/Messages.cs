using System.Text;

namespace Posthorn.Trust.Tests;

/// <summary>Messages of the published data, with the line ends that they have on the wire.</summary>
internal static class Messages
{
    public static byte[] Read(string file) => Wire(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", file), Encoding.Latin1));

    public static string Text(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", file)).Trim();

    public static byte[] Wire(string text) => Encoding.Latin1.GetBytes(text.ReplaceLineEndings("\r\n"));

    /// <summary>Checks a message that comes in pieces.</summary>
    public static async Task<MailVerdicts> CheckAsync(this MailVerifier verifier, byte[] message, MailSource? source = null, int piece = int.MaxValue)
    {
        using var check = verifier.Begin(message, source);
        var at = Mime.HeaderFields.Of(message).Length;
        while (at < message.Length)
        {
            var length = Math.Min(piece, message.Length - at);
            check.Append(message.AsSpan(at, length));
            at += length;
        }
        return await check.FinishAsync();
    }
}
