using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>
/// The tables of what others report, and of what we report to them. A report is one row with its summary; what it has many of stands in rows of
/// its own.
/// </summary>
internal static class ReportSchema
{
    // whole is 0 while the rows of a large report are being written, which takes several actions; nobody reads it until then.
    private const string First = """
        CREATE TABLE report (
            report BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind BIGINT NOT NULL,
            domain TEXT NOT NULL,
            reporter TEXT NOT NULL,
            identifier TEXT NOT NULL,
            message TEXT NOT NULL,
            begins BIGINT NOT NULL,
            ends BIGINT NOT NULL,
            received BIGINT NOT NULL,
            passed BIGINT NOT NULL,
            failed BIGINT NOT NULL,
            whole BIGINT NOT NULL,
            detail TEXT NOT NULL
        );
        CREATE UNIQUE INDEX report_once ON report (domain, kind, reporter, identifier, begins);
        CREATE INDEX report_domain ON report (domain, received);
        CREATE INDEX report_received ON report (received);
        CREATE TABLE report_record (
            report BIGINT NOT NULL,
            position BIGINT NOT NULL,
            source TEXT NOT NULL,
            messages BIGINT NOT NULL,
            disposition BIGINT NOT NULL,
            dkim BIGINT NOT NULL,
            spf BIGINT NOT NULL,
            header_from TEXT NOT NULL,
            envelope_from TEXT,
            results TEXT NOT NULL,
            PRIMARY KEY (report, position)
        ) WITHOUT ROWID;
        CREATE TABLE report_session (
            report BIGINT NOT NULL,
            position BIGINT NOT NULL,
            policy_type TEXT NOT NULL,
            result TEXT NOT NULL,
            mx TEXT,
            sessions BIGINT NOT NULL,
            detail TEXT NOT NULL,
            PRIMARY KEY (report, position)
        ) WITHOUT ROWID;
        CREATE TABLE dmarc_policy_seen (
            day BIGINT NOT NULL,
            domain TEXT NOT NULL,
            policy TEXT NOT NULL,
            destinations TEXT NOT NULL,
            records BIGINT NOT NULL,
            PRIMARY KEY (day, domain)
        ) WITHOUT ROWID;
        CREATE TABLE dmarc_seen (
            day BIGINT NOT NULL,
            domain TEXT NOT NULL,
            record_key TEXT NOT NULL,
            record BLOB NOT NULL,
            messages BIGINT NOT NULL,
            PRIMARY KEY (day, domain, record_key)
        ) WITHOUT ROWID;
        CREATE TABLE report_sent (
            day BIGINT NOT NULL,
            kind BIGINT NOT NULL,
            domain TEXT NOT NULL,
            state BIGINT NOT NULL,
            tried BIGINT NOT NULL,
            tries BIGINT NOT NULL,
            PRIMARY KEY (day, kind, domain)
        ) WITHOUT ROWID;
        """;

    public static Schema Schema { get; } = new("reports", [First]);
}
