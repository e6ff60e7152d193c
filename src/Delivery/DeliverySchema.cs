using Posthorn.Db;

namespace Posthorn.Delivery;

/// <summary>The tables of the queue. See docs/queue.md.</summary>
internal static class DeliverySchema
{
    public static Schema Schema { get; } = new("delivery", [First, Parameters, Junk, Rules, Lanes, Suppression, Routes, Verdicts]);

    // A recipient's number is what operators name it by, so it is never used again; SQLite needs AUTOINCREMENT for that. The numbers of entries are
    // nobody's. recipients counts the rows of an entry: whoever takes it to zero removes the entry and its link to the blob.
    private const string First = """
        CREATE TABLE queue_entry (
            entry BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name TEXT NOT NULL,
            sender TEXT NOT NULL,
            blob BLOB NOT NULL,
            length BIGINT NOT NULL,
            trace BLOB NOT NULL,
            utf8 BIGINT NOT NULL,
            eight_bit BIGINT NOT NULL,
            arrived BIGINT NOT NULL,
            expires BIGINT NOT NULL,
            recipients BIGINT NOT NULL
        );
        -- sqlite
        CREATE TABLE queue_recipient (
            recipient INTEGER PRIMARY KEY AUTOINCREMENT,
            entry BIGINT NOT NULL,
            kind BIGINT NOT NULL,
            account BIGINT,
            address TEXT NOT NULL,
            original TEXT NOT NULL,
            domain TEXT NOT NULL,
            state BIGINT NOT NULL,
            attempts BIGINT NOT NULL,
            due BIGINT NOT NULL,
            noticed BIGINT NOT NULL,
            node TEXT,
            lease BIGINT,
            status TEXT,
            reply TEXT
        );
        -- postgres
        CREATE TABLE queue_recipient (
            recipient BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            entry BIGINT NOT NULL,
            kind BIGINT NOT NULL,
            account BIGINT,
            address TEXT NOT NULL,
            original TEXT NOT NULL,
            domain TEXT NOT NULL,
            state BIGINT NOT NULL,
            attempts BIGINT NOT NULL,
            due BIGINT NOT NULL,
            noticed BIGINT NOT NULL,
            node TEXT,
            lease BIGINT,
            status TEXT,
            reply TEXT
        );
        CREATE UNIQUE INDEX queue_once ON queue_recipient (entry, address);
        CREATE INDEX queue_due ON queue_recipient (due, recipient) WHERE state = 0;
        CREATE INDEX queue_claimed ON queue_recipient (lease) WHERE state = 1;
        CREATE INDEX queue_domain ON queue_recipient (domain, recipient);
        CREATE INDEX queue_unfollowed ON queue_recipient (entry) WHERE kind = 2;
        """;

    private const string Rules = """
        -- sqlite
        CREATE TABLE stage_rule (
            rule INTEGER PRIMARY KEY AUTOINCREMENT,
            position BIGINT NOT NULL,
            listener TEXT,
            network TEXT,
            helo TEXT,
            sender TEXT,
            recipient TEXT,
            header TEXT,
            action BIGINT NOT NULL,
            text TEXT NOT NULL
        );
        -- postgres
        CREATE TABLE stage_rule (
            rule BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            position BIGINT NOT NULL,
            listener TEXT,
            network TEXT,
            helo TEXT,
            sender TEXT,
            recipient TEXT,
            header TEXT,
            action BIGINT NOT NULL,
            text TEXT NOT NULL
        );
        """;

    private const string Verdicts = "ALTER TABLE stage_rule ADD COLUMN verdict TEXT;";

    // What MAIL and RCPT asked for. by_mode: 0 notify, 1 return, plus 2 for a trace.
    private const string Parameters = """
        ALTER TABLE queue_entry ADD COLUMN body BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE queue_entry ADD COLUMN dsn_return BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE queue_entry ADD COLUMN envelope_id TEXT;
        ALTER TABLE queue_entry ADD COLUMN require_tls BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE queue_entry ADD COLUMN hold_until BIGINT;
        ALTER TABLE queue_entry ADD COLUMN by_deadline BIGINT;
        ALTER TABLE queue_entry ADD COLUMN by_mode BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE queue_entry ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE queue_recipient ADD COLUMN notify BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE queue_recipient ADD COLUMN original_recipient TEXT;
        """;

    // Mailboxes here take the message into Junk.
    private const string Junk = "ALTER TABLE queue_entry ADD COLUMN junk BIGINT NOT NULL DEFAULT 0;";

    // A lane's rows lie together in the order of their time, so that its window is a range and the next lane a step away. Which lane a row is in
    // was its domain before there were any.
    private const string Lanes = """
        ALTER TABLE queue_recipient ADD COLUMN lane TEXT NOT NULL DEFAULT '@';
        UPDATE queue_recipient SET lane = domain WHERE kind = 0;
        DROP INDEX queue_due;
        CREATE INDEX queue_lane ON queue_recipient (lane, due, recipient) WHERE state = 0;
        CREATE TABLE queue_destination (
            lane TEXT NOT NULL PRIMARY KEY,
            failures BIGINT NOT NULL,
            closed_until BIGINT NOT NULL,
            reply TEXT NOT NULL
        ) WITHOUT ROWID;
        """;

    // Account 0 is everybody's. An entry without an end is an operator's.
    private const string Suppression = """
        ALTER TABLE queue_entry ADD COLUMN submitter BIGINT;
        CREATE TABLE suppression (
            account BIGINT NOT NULL,
            address TEXT NOT NULL,
            reason TEXT NOT NULL,
            created BIGINT NOT NULL,
            expires BIGINT,
            PRIMARY KEY (account, address)
        ) WITHOUT ROWID;
        CREATE INDEX suppression_address ON suppression (address);
        """;

    // Lanes name routes, so a route's number is never used again. pinned: the route that an operator sent a recipient by, past the rules.
    private const string Routes = """
        ALTER TABLE queue_recipient ADD COLUMN pinned BIGINT NOT NULL DEFAULT 0;
        CREATE TABLE queue_setting (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        -- sqlite
        CREATE TABLE mail_route (
            route INTEGER PRIMARY KEY AUTOINCREMENT,
            position BIGINT NOT NULL,
            recipient_domain TEXT,
            sender_domain TEXT,
            sender_account BIGINT,
            size_min BIGINT,
            header TEXT,
            header_text TEXT,
            action BIGINT NOT NULL,
            host TEXT,
            port BIGINT NOT NULL,
            security BIGINT NOT NULL,
            login TEXT,
            password BLOB,
            sources TEXT NOT NULL,
            socks TEXT,
            mailbox TEXT,
            text TEXT,
            lifetime BIGINT,
            retry TEXT NOT NULL
        );
        -- postgres
        CREATE TABLE mail_route (
            route BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            position BIGINT NOT NULL,
            recipient_domain TEXT,
            sender_domain TEXT,
            sender_account BIGINT,
            size_min BIGINT,
            header TEXT,
            header_text TEXT,
            action BIGINT NOT NULL,
            host TEXT,
            port BIGINT NOT NULL,
            security BIGINT NOT NULL,
            login TEXT,
            password BLOB,
            sources TEXT NOT NULL,
            socks TEXT,
            mailbox TEXT,
            text TEXT,
            lifetime BIGINT,
            retry TEXT NOT NULL
        );
        """;
}
