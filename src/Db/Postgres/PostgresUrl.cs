using Npgsql;
using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>
/// postgres://user[:password]@host[:port]/database[?option=value&amp;…]. Options: host (a socket directory), sslmode,
/// sslrootcert, connect_timeout, application_name.
/// A password is better left to PGPASSWORD or a passfile.
/// </summary>
internal static class PostgresUrl
{
    /// <exception cref="RefusalException">The URL is malformed; its text is not repeated, since it may hold the password.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string url, string schema, bool readOnly)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri)) throw Invalid("The database URL is not a URL");
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = uri.Host.Length > 0 ? uri.Host : "localhost",
            Port = uri.Port > 0 ? uri.Port : 5432,
            Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/')),
            SearchPath = schema,
            Pooling = false,
            KeepAlive = 30,
            MaxAutoPrepare = 0,
            IncludeErrorDetail = false,
            Options = readOnly ? "-c jit=off -c default_transaction_read_only=on" : "-c jit=off",
            ApplicationName = "posthorn",
        };
        var user = uri.UserInfo.Split(':', 2);
        if (user[0].Length > 0) builder.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1) builder.Password = Uri.UnescapeDataString(user[1]);
        if (builder.Database.Length == 0) throw Invalid("The database URL names no database: postgres://user@host/database");
        foreach (var option in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)) Set(builder, option);
        return builder;
    }

    private static void Set(NpgsqlConnectionStringBuilder builder, string option)
    {
        var parts = option.Split('=', 2);
        var value = parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : string.Empty;
        switch (parts[0])
        {
            case "host":
                builder.Host = value;
                break;
            case "sslmode" when Enum.TryParse<SslMode>(value.Replace("-", string.Empty, StringComparison.Ordinal), ignoreCase: true, out var mode):
                builder.SslMode = mode;
                break;
            case "sslrootcert":
                builder.RootCertificate = value;
                break;
            case "connect_timeout" when int.TryParse(value, out var seconds) && seconds is > 0 and <= 1024:
                builder.Timeout = seconds;
                break;
            case "application_name":
                builder.ApplicationName = value;
                break;
            default:
                throw Invalid(
                    $"The database URL has an option that is not known or has no such value: {parts[0]} "
                    + "(known: host, sslmode, sslrootcert, connect_timeout, application_name)");
        }
    }

    private static RefusalException Invalid(string text) => new(new Refusal(RefusalKind.Invalid, text));
}
