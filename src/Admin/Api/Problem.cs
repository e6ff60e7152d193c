namespace Posthorn.Admin;

/// <summary>RFC 9457: why a request was not done.</summary>
/// <param name="Title">What the status means.</param>
/// <param name="Detail">One sentence for the person.</param>
/// <param name="Kind">One word for programs, such as <c>not-found</c>.</param>
public sealed record Problem(string Title, int Status, string Detail, string Kind);
