namespace Posthorn.Bench;

/// <summary>Fills a mailbox through APPEND: several connections, many messages a command where the server offers MULTIAPPEND.</summary>
internal static class Filling
{
    private const int ConnectionsMax = 8;
    private const int MessagesPerConnection = 1000;
    private const int Batch = 50;

    public static void Fill(Target target, int account, string mailbox, int messages, int size)
    {
        bool multi;
        using (var client = ImapClient.Open(target, account))
        {
            multi = client.Offers("MULTIAPPEND");
            if (mailbox != "INBOX")
                client.Command($"CREATE {mailbox}");
            client.Select(mailbox);   // an INBOX that is made at its first use is made by one connection
        }
        var templates = Enumerable.Range(0, 64).Select(seed => Corpus.Make(seed, (size / 2) + (seed % 8 * size / 7))).ToArray();
        var tally = new Tally(target.TakeNumbers(messages), messages, 1);
        var lanes = Enumerable.Range(0, Math.Clamp(messages / MessagesPerConnection, 1, ConnectionsMax))
            .Select(_ => new AppendLane(target, tally, templates, account, mailbox, multi ? Batch : 1)).ToArray();
        var load = new Load(lanes);
        load.Prepare();
        load.Run();
        foreach (var lane in lanes)
            lane.Dispose();
        using var check = ImapClient.Open(target, account);
        int have = check.Messages(mailbox);
        if (have < messages || tally.Failed > 0)
            throw new IOException($"{target.Name}: {have} of {messages} messages in {mailbox}; {tally.FirstFailure}");
    }
}
