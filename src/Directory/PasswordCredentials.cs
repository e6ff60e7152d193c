using System.Security.Cryptography;

namespace Posthorn.Directory;

/// <summary>A login and its password, on the way from the wire to the hash. Disposing wipes the password.</summary>
/// <param name="authorizeAs">RFC 4616 authzid: empty, or whom the client wants to act as.</param>
public sealed class PasswordCredentials(string login, byte[] password, string authorizeAs = "") : IDisposable
{
    private readonly byte[] _password = password;

    public string Login { get; } = login;

    public string AuthorizeAs { get; } = authorizeAs;

    /// <summary>UTF-8, as the client sent it.</summary>
    public ReadOnlyMemory<byte> Password => _password;

    public void Dispose() => CryptographicOperations.ZeroMemory(_password);

    /// <summary>Never the password.</summary>
    public override string ToString() => Login;
}
