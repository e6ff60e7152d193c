using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>The tables of the mail model. See docs/storage.md.</summary>
internal static class StoreSchema
{
    public static Schema Schema { get; } = new("store", [First, ThreadLinks, Annotations, AttachmentBits, Uploads])
    {
        AccountLock = "SELECT 1 FROM account_state WHERE account = $1 FOR UPDATE",
    };

    // What THREAD=REFERENCES needs of a message, see ThreadLink; NULL for what arrived before the column.
    private const string ThreadLinks = "ALTER TABLE email ADD COLUMN thread_link BLOB;";

    // See FlagBits.Attachment.
    private const string AttachmentBits = """
        UPDATE membership SET flags = flags | 64
        WHERE EXISTS (SELECT 1 FROM email WHERE email.id = membership.account * 4294967296 + membership.email AND email.has_attachment <> 0);
        """;

    // Files that a client has uploaded and not used yet (RFC 8620 §6.1); an upload holds its blob for a while.
    private const string Uploads = """
        CREATE TABLE upload (
            account BIGINT NOT NULL,
            upload BIGINT NOT NULL,
            blob BLOB NOT NULL,
            size_bytes BIGINT NOT NULL,
            uploaded_at BIGINT NOT NULL,
            PRIMARY KEY (account, upload)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX upload_blob ON upload (account, blob);
        """;

    // membership is the listing table: narrow rows, clustered by mailbox, so that opening a mailbox is one range read.
    // email is the wide one, clustered by account << 32 | email; SQLite would spill such rows into overflow pages in a table
    // without rowid. thread is account << 32 | thread; an email that opened its own thread needs no place in the index.
    // thread_key counts the emails that carry a message id with a base subject. change is the log: one row for what one action did
    // to one mailbox, the touched messages packed.
    private const string First = """
        CREATE TABLE account_state (
            account BIGINT NOT NULL PRIMARY KEY,
            modseq BIGINT NOT NULL,
            email_next BIGINT NOT NULL,
            mailbox_next BIGINT NOT NULL,
            uid_validity BIGINT NOT NULL,
            messages BIGINT NOT NULL,
            size_bytes BIGINT NOT NULL,
            quota_bytes BIGINT,
            quota_messages BIGINT,
            log_floor BIGINT NOT NULL,
            epoch BIGINT NOT NULL,
            removed BIGINT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE mailbox (
            account BIGINT NOT NULL,
            mailbox BIGINT NOT NULL,
            parent BIGINT NOT NULL,
            name TEXT NOT NULL,
            role BIGINT,
            sort_order BIGINT NOT NULL,
            uid_validity BIGINT NOT NULL,
            uid_next BIGINT NOT NULL,
            modseq BIGINT NOT NULL,
            modseq_before BIGINT NOT NULL,
            messages BIGINT NOT NULL,
            unseen BIGINT NOT NULL,
            deleted BIGINT NOT NULL,
            unseen_deleted BIGINT NOT NULL,
            size_bytes BIGINT NOT NULL,
            PRIMARY KEY (account, mailbox)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX mailbox_name ON mailbox (account, parent, name);
        CREATE TABLE membership (
            account BIGINT NOT NULL,
            mailbox BIGINT NOT NULL,
            uid BIGINT NOT NULL,
            email BIGINT NOT NULL,
            thread BIGINT NOT NULL,
            modseq BIGINT NOT NULL,
            flags BIGINT NOT NULL,
            size_bytes BIGINT NOT NULL,
            received_at BIGINT NOT NULL,
            saved_at BIGINT NOT NULL,
            PRIMARY KEY (account, mailbox, uid)
        ) WITHOUT ROWID;
        CREATE INDEX membership_email ON membership (account, email);
        -- sqlite
        CREATE TABLE email (
            id INTEGER PRIMARY KEY,
            thread BIGINT NOT NULL,
            blob BLOB NOT NULL,
            size_bytes BIGINT NOT NULL,
            received_at BIGINT NOT NULL,
            sent_at BIGINT,
            has_attachment BIGINT NOT NULL,
            thread_keys BLOB NOT NULL,
            base_subject BLOB NOT NULL,
            envelope BLOB NOT NULL,
            structure BLOB NOT NULL,
            preview BLOB NOT NULL,
            prefix BLOB NOT NULL
        );
        -- postgres
        CREATE TABLE email (
            id BIGINT PRIMARY KEY,
            thread BIGINT NOT NULL,
            blob BLOB NOT NULL,
            size_bytes BIGINT NOT NULL,
            received_at BIGINT NOT NULL,
            sent_at BIGINT,
            has_attachment BIGINT NOT NULL,
            thread_keys BLOB NOT NULL,
            base_subject BLOB NOT NULL,
            envelope BLOB NOT NULL,
            structure BLOB NOT NULL,
            preview BLOB NOT NULL,
            prefix BLOB NOT NULL
        );
        CREATE INDEX email_thread ON email (thread) WHERE thread <> id;
        CREATE TABLE thread_key (
            account BIGINT NOT NULL,
            hash BIGINT NOT NULL,
            thread BIGINT NOT NULL,
            emails BIGINT NOT NULL,
            PRIMARY KEY (account, hash)
        ) WITHOUT ROWID;
        CREATE TABLE keyword_set (
            account BIGINT NOT NULL,
            keyword_set BIGINT NOT NULL,
            names TEXT NOT NULL,
            folded TEXT NOT NULL,
            PRIMARY KEY (account, keyword_set)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX keyword_set_folded ON keyword_set (account, folded);
        CREATE TABLE change (
            account BIGINT NOT NULL,
            modseq BIGINT NOT NULL,
            part BIGINT NOT NULL,
            kind BIGINT NOT NULL,
            mailbox BIGINT NOT NULL,
            items BLOB NOT NULL,
            PRIMARY KEY (account, modseq, part)
        ) WITHOUT ROWID;
        CREATE INDEX change_expunged ON change (account, mailbox, modseq) WHERE kind = 4;
        CREATE TABLE subscription (
            account BIGINT NOT NULL,
            path TEXT NOT NULL,
            PRIMARY KEY (account, path)
        ) WITHOUT ROWID;
        CREATE TABLE acl (
            account BIGINT NOT NULL,
            mailbox BIGINT NOT NULL,
            grantee BIGINT NOT NULL,
            rights TEXT NOT NULL,
            PRIMARY KEY (account, mailbox, grantee)
        ) WITHOUT ROWID;
        """;

    // mailbox 0 is the server itself: there account 0 holds what all share. owner is whose private entry it is, 0 for what is shared.
    private const string Annotations = """
        CREATE TABLE annotation (
            account BIGINT NOT NULL,
            mailbox BIGINT NOT NULL,
            owner BIGINT NOT NULL,
            entry TEXT NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (account, mailbox, owner, entry)
        ) WITHOUT ROWID;
        CREATE TABLE url_key (
            account BIGINT NOT NULL,
            mailbox BIGINT NOT NULL,
            secret BLOB NOT NULL,
            PRIMARY KEY (account, mailbox)
        ) WITHOUT ROWID;
        """;
}
