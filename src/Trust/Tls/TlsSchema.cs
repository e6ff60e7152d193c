using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>The tables of TLS between servers: policies of others, our own, the operator's overrides, and how sessions went.</summary>
internal static class TlsSchema
{
    private const string First = """
        CREATE TABLE sts_policy (
            domain TEXT NOT NULL PRIMARY KEY,
            id TEXT NOT NULL,
            mode BIGINT NOT NULL,
            hosts TEXT NOT NULL,
            max_age BIGINT NOT NULL,
            fetched BIGINT NOT NULL,
            expires BIGINT NOT NULL,
            tried BIGINT NOT NULL,
            used BIGINT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX sts_policy_expires ON sts_policy (expires);
        CREATE TABLE sts_hosted (
            domain TEXT NOT NULL PRIMARY KEY,
            mode BIGINT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE tls_override (
            domain TEXT NOT NULL PRIMARY KEY,
            requirement BIGINT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE tls_result (
            day BIGINT NOT NULL,
            domain TEXT NOT NULL,
            policy_type TEXT NOT NULL,
            result TEXT NOT NULL,
            mx TEXT NOT NULL,
            receiving TEXT NOT NULL,
            reason TEXT NOT NULL,
            policy TEXT NOT NULL,
            sessions BIGINT NOT NULL,
            PRIMARY KEY (day, domain, policy_type, result, mx, receiving, reason)
        ) WITHOUT ROWID;
        """;

    public static Schema Schema { get; } = new("tls", [First]);
}
