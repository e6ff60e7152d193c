namespace Posthorn.Directory;

/// <summary>The tables of this room. Names are stored as their keys: domains as A-labels, local parts in lower case and form C.</summary>
internal static class DirectorySchema
{
    public const string Room = "directory";

    /// <summary>Released steps are never edited.</summary>
    public static readonly IReadOnlyList<string> Steps =
    [
        """
        CREATE TABLE directory_counter (
            name TEXT NOT NULL PRIMARY KEY,
            last BIGINT NOT NULL
        ) WITHOUT ROWID;
        INSERT INTO directory_counter (name, last) VALUES ('account', 0);
        INSERT INTO directory_counter (name, last) VALUES ('credential', 0);
        CREATE TABLE domain (
            domain TEXT NOT NULL PRIMARY KEY,
            plus_addressing BIGINT NOT NULL,
            catch_all TEXT,
            administrator BIGINT,
            created BIGINT NOT NULL,
            disabled BIGINT
        ) WITHOUT ROWID;
        CREATE TABLE account (
            account BIGINT NOT NULL PRIMARY KEY,
            domain TEXT NOT NULL,
            local TEXT NOT NULL,
            address TEXT NOT NULL,
            name TEXT NOT NULL,
            kind BIGINT NOT NULL,
            role BIGINT NOT NULL,
            quota_bytes BIGINT,
            quota_messages BIGINT,
            created BIGINT NOT NULL,
            changed BIGINT NOT NULL,
            disabled BIGINT,
            removed BIGINT,
            purging BIGINT
        );
        CREATE UNIQUE INDEX account_address ON account (domain, local);
        CREATE TABLE alias (
            domain TEXT NOT NULL,
            local TEXT NOT NULL,
            address TEXT NOT NULL,
            created BIGINT NOT NULL,
            PRIMARY KEY (domain, local)
        ) WITHOUT ROWID;
        CREATE TABLE alias_target (
            domain TEXT NOT NULL,
            local TEXT NOT NULL,
            position BIGINT NOT NULL,
            target TEXT NOT NULL,
            target_key TEXT NOT NULL,
            PRIMARY KEY (domain, local, position)
        ) WITHOUT ROWID;
        CREATE INDEX alias_target_key ON alias_target (target_key);
        CREATE TABLE credential (
            account BIGINT NOT NULL,
            credential BIGINT NOT NULL,
            kind BIGINT NOT NULL,
            label TEXT NOT NULL,
            hash TEXT NOT NULL,
            scopes TEXT NOT NULL,
            networks TEXT NOT NULL,
            created BIGINT NOT NULL,
            expires BIGINT,
            PRIMARY KEY (account, credential)
        ) WITHOUT ROWID;
        CREATE TABLE token (
            token TEXT NOT NULL PRIMARY KEY,
            hash BLOB NOT NULL,
            label TEXT NOT NULL,
            scopes TEXT NOT NULL,
            domain TEXT,
            networks TEXT NOT NULL,
            created BIGINT NOT NULL,
            expires BIGINT,
            last_used BIGINT
        ) WITHOUT ROWID;
        """,
        "ALTER TABLE domain ADD COLUMN dmarc BIGINT NOT NULL DEFAULT 0;",
        """
        ALTER TABLE domain ADD COLUMN scram BIGINT NOT NULL DEFAULT 0;
        CREATE TABLE directory_secret (
            name TEXT NOT NULL PRIMARY KEY,
            secret BLOB NOT NULL
        ) WITHOUT ROWID;
        """,
        """
        ALTER TABLE account ADD COLUMN send_messages BIGINT;
        ALTER TABLE account ADD COLUMN send_recipients BIGINT;
        ALTER TABLE account ADD COLUMN send_first_time BIGINT;
        CREATE TABLE sending_day (
            account BIGINT NOT NULL,
            day BIGINT NOT NULL,
            messages BIGINT NOT NULL,
            recipients BIGINT NOT NULL,
            first_time BIGINT NOT NULL,
            PRIMARY KEY (account, day)
        ) WITHOUT ROWID;
        CREATE TABLE sending_known (
            account BIGINT NOT NULL,
            recipient BIGINT NOT NULL,
            PRIMARY KEY (account, recipient)
        ) WITHOUT ROWID;
        CREATE TABLE send_as (
            account BIGINT NOT NULL,
            pattern TEXT NOT NULL,
            PRIMARY KEY (account, pattern)
        ) WITHOUT ROWID;
        """,
        """
        CREATE TABLE ban (
            network TEXT NOT NULL PRIMARY KEY,
            reason TEXT NOT NULL,
            created BIGINT NOT NULL,
            expires BIGINT
        ) WITHOUT ROWID;
        CREATE TABLE greylist (
            key BIGINT NOT NULL PRIMARY KEY,
            opens BIGINT NOT NULL,
            until BIGINT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX greylist_until ON greylist (until);
        """,
        """
        CREATE TABLE web_session (
            session TEXT NOT NULL PRIMARY KEY,
            account BIGINT NOT NULL,
            whole BIGINT NOT NULL,
            methods BIGINT NOT NULL,
            created BIGINT NOT NULL,
            authenticated BIGINT NOT NULL,
            used BIGINT NOT NULL,
            remote TEXT NOT NULL,
            agent TEXT NOT NULL,
            provider TEXT,
            provider_session TEXT,
            hash BLOB NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX web_session_account ON web_session (account);
        """,
        """
        CREATE TABLE totp (
            account BIGINT NOT NULL PRIMARY KEY,
            secret BLOB,
            last_step BIGINT NOT NULL,
            created BIGINT NOT NULL,
            confirmed BIGINT
        );
        CREATE TABLE recovery_code (
            account BIGINT NOT NULL,
            hash BLOB NOT NULL,
            created BIGINT NOT NULL,
            PRIMARY KEY (account, hash)
        ) WITHOUT ROWID;
        CREATE TABLE passkey_user (
            account BIGINT NOT NULL PRIMARY KEY,
            handle BLOB NOT NULL
        );
        CREATE TABLE passkey (
            account BIGINT NOT NULL,
            passkey BIGINT NOT NULL,
            credential BLOB NOT NULL,
            host TEXT NOT NULL,
            public_key BLOB NOT NULL,
            counter BIGINT NOT NULL,
            label TEXT NOT NULL,
            created BIGINT NOT NULL,
            used BIGINT,
            challenged BIGINT NOT NULL,
            backed_up BIGINT NOT NULL,
            PRIMARY KEY (account, passkey)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX passkey_credential ON passkey (credential);
        """,
        """
        CREATE TABLE login_history (
            account BIGINT NOT NULL,
            hour BIGINT NOT NULL,
            protocol TEXT NOT NULL,
            remote TEXT NOT NULL,
            outcome BIGINT NOT NULL,
            credential TEXT NOT NULL,
            last BIGINT NOT NULL,
            attempts BIGINT NOT NULL,
            PRIMARY KEY (account, hour, protocol, remote, outcome, credential)
        ) WITHOUT ROWID;
        CREATE INDEX login_history_last ON login_history (last);
        CREATE TABLE password_link (
            account BIGINT NOT NULL PRIMARY KEY,
            hash BLOB NOT NULL,
            created BIGINT NOT NULL,
            expires BIGINT NOT NULL
        );
        CREATE UNIQUE INDEX password_link_hash ON password_link (hash);
        """,
        "ALTER TABLE domain ADD COLUMN mfa BIGINT NOT NULL DEFAULT 0;",
        """
        CREATE TABLE account_news (
            news BIGINT NOT NULL PRIMARY KEY,
            account BIGINT NOT NULL,
            event BIGINT NOT NULL,
            detail TEXT NOT NULL,
            created BIGINT NOT NULL
        );
        CREATE INDEX account_news_account ON account_news (account);
        """,
        """
        ALTER TABLE domain ADD COLUMN login BIGINT NOT NULL DEFAULT 0;
        CREATE TABLE app_password (
            id TEXT NOT NULL PRIMARY KEY,
            account BIGINT NOT NULL,
            label TEXT NOT NULL,
            scopes BIGINT NOT NULL,
            networks TEXT NOT NULL,
            created BIGINT NOT NULL,
            created_by TEXT NOT NULL,
            expires BIGINT,
            used BIGINT,
            used_from TEXT,
            used_by TEXT,
            used_client TEXT,
            uses BIGINT NOT NULL,
            revoked BIGINT,
            hash BLOB NOT NULL,
            scram_sha256 TEXT NOT NULL,
            scram_sha1 TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX app_password_label ON app_password (account, label) WHERE revoked IS NULL;
        CREATE INDEX app_password_account ON app_password (account, created);
        """,
    ];
}
