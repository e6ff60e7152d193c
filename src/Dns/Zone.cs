namespace Posthorn.Dns;

/// <summary>One record of a master file.</summary>
/// <param name="Type">Its mnemonic in upper case.</param>
/// <param name="Value">A <see cref="MxRecord"/>, a <see cref="SrvRecord"/>, a <see cref="TlsaRecord"/>,
/// an <see cref="System.Net.IPAddress"/>, or a string: the text of TXT,
/// the name of CNAME, PTR and NS, the data as written for every other type.</param>
internal sealed record ZoneRecord(string Owner, string Type, TimeSpan Ttl, object Value);

/// <summary>The records of a master file by name. It never changes.</summary>
internal sealed class Zone
{
    private readonly Dictionary<string, List<ZoneRecord>> _names = [];

    public Zone(IReadOnlyList<ZoneRecord> records)
    {
        Count = records.Count;
        foreach (var record in records)
        {
            if (!_names.TryGetValue(record.Owner, out var already)) _names.Add(record.Owner, already = []);
            already.Add(record);
            // RFC 4592 §2.2.2: a name exists when one below it does.
            for (var parent = record.Owner; parent.Length > 0;)
            {
                parent = DnsName.Parent(parent);
                if (!_names.TryAdd(parent, [])) break;
            }
        }
    }

    /// <summary>How many records there are.</summary>
    public int Count { get; }

    /// <summary>All of them, those of one owner together.</summary>
    public IEnumerable<ZoneRecord> Records => _names.Values.SelectMany(records => records);

    /// <summary>The records of a type, CNAMEs followed.</summary>
    public DnsAnswer<T> Ask<T>(string name, string type)
        where T : class
    {
        var ttl = TimeSpan.MaxValue;
        for (var links = 0; links <= DnsLimits.ChainLinksMax; links++)
        {
            if (At(name) is not { } records) return new(DnsStatus.NxDomain, [], TimeSpan.Zero, Authentic: true);
            var found = records.Where(r => r.Type == type).ToList();
            var link = found.Count == 0 ? records.Find(r => r.Type == "CNAME") : null;
            if (link is null)
            {
                if (found.Count == 0) return new(DnsStatus.NoData, [], TimeSpan.Zero, Authentic: true);
                return new(
                    DnsStatus.Ok, [.. found.Select(r => (T)r.Value)], found.Min(r => r.Ttl) is var own && own < ttl ? own : ttl, Authentic: true);
            }
            ttl = link.Ttl < ttl ? link.Ttl : ttl;
            name = (string)link.Value;
        }
        return new(DnsStatus.Failed, [], TimeSpan.Zero, Failure: $"more than {DnsLimits.ChainLinksMax} CNAMEs in a row");
    }

    // What stands at the name, or at the wildcard of its closest encloser (RFC 4592 §3.3.1); null when there is no such name.
    private List<ZoneRecord>? At(string name)
    {
        if (_names.TryGetValue(name, out var records)) return records;
        while (name.Length > 0)
        {
            name = DnsName.Parent(name);
            if (name.Length > 0 && !_names.ContainsKey(name)) continue;
            return _names.GetValueOrDefault(name.Length == 0 ? "*" : "*." + name);
        }
        return null;
    }
}
