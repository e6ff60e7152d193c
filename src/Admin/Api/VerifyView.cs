namespace Posthorn.Admin;

public enum VerifyLineKind
{
    /// <summary>So far <see cref="VerifyLine.Done"/> of <see cref="VerifyLine.Total"/>.</summary>
    Progress,

    /// <summary>Something is not as it must be: <see cref="VerifyLine.Text"/>.</summary>
    Finding,

    /// <summary>The last line of a verification that came to its end.</summary>
    Done,

    /// <summary>The last line of one that did not.</summary>
    Failed,
}

/// <summary>One line of what a verification tells while it runs.</summary>
/// <param name="Step">What is read: <c>mailboxes</c>, <c>blobs</c>.</param>
public sealed record VerifyLine(
    VerifyLineKind Kind, string? Step = null, long? Done = null, long? Total = null, string? Text = null, VerifySummary? Summary = null);

public sealed record VerifySummary(long Accounts, long Mailboxes, long Emails, long Blobs, int Findings);
