using System.Text;

namespace Posthorn.Server;

/// <summary>
/// Reads passwords from standard input or a prompt that shows nothing. They are never an argument, which every user of the
/// machine can see.
/// </summary>
internal static class Secrets
{
    /// <param name="fromStdin">Take the first line of standard input (<c>--password-stdin</c>) instead of asking.</param>
    /// <returns>UTF-8, never empty.</returns>
    /// <exception cref="CommandFailedException">There is none, or no terminal to ask on.</exception>
    public static byte[] Read(bool fromStdin, string prompt)
    {
        if (!fromStdin && Console.IsInputRedirected)
            throw new CommandFailedException("there is no terminal to ask for the password: use --password-stdin");
        var secret = fromStdin ? Console.In.ReadLine() : Ask(prompt);
        if (string.IsNullOrEmpty(secret)) throw new CommandFailedException("the password is empty");
        return Encoding.UTF8.GetBytes(secret);
    }

    private static string Ask(string prompt)
    {
        Console.Error.Write(prompt);
        var typed = new StringBuilder();
        while (true)
        {
            var key = Console.ReadKey(intercept: true);
            if (key.Key == ConsoleKey.Enter) break;
            if (key.Key == ConsoleKey.Backspace) typed.Length = Math.Max(0, typed.Length - 1);
            else if (!char.IsControl(key.KeyChar)) typed.Append(key.KeyChar);
        }
        Console.Error.WriteLine();
        return typed.ToString();
    }
}
