using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>The tables of this room.</summary>
internal static class TrustSchema
{
    public static Schema Schema { get; } = new("trust", [Keys, Marks]);

    // secret is null only within the action that makes the row: what is sealed is bound to its number.
    private const string Keys = """
        CREATE TABLE trust_key (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            domain TEXT NOT NULL,
            selector TEXT NOT NULL,
            algorithm BIGINT NOT NULL,
            secret BLOB,
            record TEXT NOT NULL,
            state BIGINT NOT NULL,
            created BIGINT NOT NULL,
            changed BIGINT NOT NULL
        );
        CREATE UNIQUE INDEX trust_key_selector ON trust_key (domain, selector);
        CREATE TABLE trust_secret (
            number BIGINT NOT NULL PRIMARY KEY,
            secret BLOB
        );
        """;

    // What domains assert about their marks, and images by their hash.
    private const string Marks = """
        CREATE TABLE bimi_assertion (
            domain TEXT NOT NULL,
            selector TEXT NOT NULL,
            authority TEXT NOT NULL,
            until BIGINT NOT NULL,
            id TEXT NOT NULL,
            organization TEXT NOT NULL,
            note TEXT NOT NULL,
            silent BIGINT NOT NULL,
            PRIMARY KEY (domain, selector)
        ) WITHOUT ROWID;
        CREATE TABLE bimi_image (
            id TEXT NOT NULL PRIMARY KEY,
            image BLOB NOT NULL
        );
        """;
}
