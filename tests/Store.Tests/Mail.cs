using System.Buffers;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Mime;

namespace Posthorn.Store.Tests;

/// <summary>Messages to put into a store.</summary>
internal static class Mail
{
    public static byte[] Text(string subject = "Hello", string body = "A line.\r\n", string? id = null, string? references = null)
    {
        var text = new StringBuilder("From: Ann <ann@example.test>\r\nTo: Bob <bob@example.test>\r\n")
            .Append("Subject: ").Append(subject).Append("\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n");
        if (id is not null) text.Append("Message-ID: <").Append(id).Append(">\r\n");
        if (references is not null) text.Append("References: ").Append(references).Append("\r\n");
        return Encoding.UTF8.GetBytes(text.Append("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n").Append(body).ToString());
    }

    public static async Task<NewEmail> StageAsync(
        BlobStore blobs,
        byte[] message,
        SystemFlags flags = SystemFlags.None,
        string[]? keywords = null,
        string prefix = "",
        DateTimeOffset? receivedAt = null)
    {
        var staged = await blobs.StageAsync(new ReadOnlySequence<byte>(message));
        return new NewEmail(
            staged,
            MessageReader.Read(message),
            Encoding.ASCII.GetBytes(prefix),
            flags,
            keywords ?? [],
            receivedAt ?? DateTimeOffset.UnixEpoch.AddDays(20_000));
    }
}
