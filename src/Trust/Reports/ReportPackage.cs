using System.Buffers.Binary;
using System.IO.Compression;

namespace Posthorn.Trust;

/// <summary>
/// Takes a report out of its compression: gzip (RFC 7489 §7.2.1.1, RFC 8460 §3), or a ZIP archive of one file, as large reporters send it.
/// </summary>
internal static class ReportPackage
{
    private const int BlockOctets = 64 * 1024;
    private const int EndRecordOctets = 22; // APPNOTE.TXT §4.3.16
    private const int EntryOctets = 46; // §4.3.12
    private const int LocalHeaderOctets = 30; // §4.3.7
    private const int CommentOctetsMax = ushort.MaxValue;

    /// <summary>The octets of the report itself.</summary>
    /// <exception cref="ReportFaultException">Too large, damaged, or compressed more than once.</exception>
    public static byte[] Unpack(byte[] file)
    {
        if (!IsPacked(file))
        {
            return file.Length <= ReportLimits.UnpackedOctetsMax ? file : throw TooLarge();
        }
        try
        {
            var unpacked = IsGzip(file) ? Gunzip(file) : Unzip(file);
            return IsPacked(unpacked)
                ? throw new ReportFaultException(ReportFaultKind.CompressedTwice, "the archive holds another archive")
                : unpacked;
        }
        catch (InvalidDataException)
        {
            throw Damaged();
        }
    }

    private static bool IsPacked(ReadOnlySpan<byte> file) => IsGzip(file) || file.StartsWith("PK\x3\x4"u8) || file.StartsWith("PK\x5\x6"u8);

    private static bool IsGzip(ReadOnlySpan<byte> file) => file.StartsWith<byte>([0x1F, 0x8B]);

    private static byte[] Gunzip(byte[] file)
    {
        using var stream = new GZipStream(new MemoryStream(file, writable: false), CompressionMode.Decompress);
        return ReadAll(stream);
    }

    private static byte[] ReadAll(Stream stream)
    {
        using var output = new MemoryStream();
        var block = new byte[BlockOctets];
        int read;
        while ((read = stream.Read(block)) > 0)
        {
            if (output.Length + read > ReportLimits.UnpackedOctetsMax) throw TooLarge();
            output.Write(block, 0, read);
        }
        return output.ToArray();
    }

    // By the directory at the archive's end, as every unpacker does; names and attributes mean nothing here.
    private static byte[] Unzip(byte[] file)
    {
        var end = EndRecord(file);
        var entries = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(end + 10));
        if (entries != 1) throw new ReportFaultException(ReportFaultKind.SeveralFiles, $"the archive holds {entries} files, a report is one");
        var entry = Slice(file, BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(end + 16)), EntryOctets);
        if (!entry.StartsWith("PK\x1\x2"u8)) throw Damaged();
        if ((BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]) & 1) != 0)
        {
            throw new ReportFaultException(ReportFaultKind.EncryptedArchive, "the archive is encrypted");
        }
        var method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
        var packed = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
        var start = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        var local = Slice(file, start, LocalHeaderOctets);
        if (!local.StartsWith("PK\x3\x4"u8)) throw Damaged();
        var content = start + LocalHeaderOctets
            + BinaryPrimitives.ReadUInt16LittleEndian(local[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(local[28..]);
        var octets = Slice(file, content, packed);
        switch (method)
        {
            case 0:
                return octets.ToArray();
            case 8:
                var deflated = new MemoryStream(file, (int)content, octets.Length, writable: false);
                using (var stream = new DeflateStream(deflated, CompressionMode.Decompress))
                {
                    return ReadAll(stream);
                }
            default:
                throw new ReportFaultException(ReportFaultKind.DamagedArchive, $"the archive's compression {method} is not known here");
        }
    }

    private static int EndRecord(ReadOnlySpan<byte> file)
    {
        var from = Math.Max(0, file.Length - EndRecordOctets - CommentOctetsMax);
        var found = file[from..].LastIndexOf("PK\x5\x6"u8);
        return found >= 0 && from + found + EndRecordOctets <= file.Length ? from + found : throw Damaged();
    }

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> file, long start, long length) =>
        start + length <= file.Length ? file.Slice((int)start, (int)length) : throw Damaged();

    private static ReportFaultException TooLarge() =>
        new(ReportFaultKind.TooLarge, $"the report has more than {ReportLimits.UnpackedOctetsMax} octets");

    private static ReportFaultException Damaged() => new(ReportFaultKind.DamagedArchive, "the archive cannot be unpacked");
}
