using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Trust;

/// <summary>What a domain asks of whoever sends mail to it (RFC 8461 §3.2). The numbers are stored.</summary>
public enum StsMode
{
    None = 0,
    Testing = 1,
    Enforce = 2,
}

/// <summary>An MTA-STS policy (RFC 8461 §3.2).</summary>
/// <param name="Hosts">Names of exchanges, in A-labels; <c>*.example.org</c> stands for one label.</param>
public sealed record StsPolicy(StsMode Mode, IReadOnlyList<string> Hosts, TimeSpan MaxAge)
{
    private const int AgeDigitsMax = 10;

    /// <param name="fault">One line that says what is wrong.</param>
    public static bool TryParse(ReadOnlySpan<byte> file, [NotNullWhen(true)] out StsPolicy? policy, [NotNullWhen(false)] out string? fault)
    {
        policy = null;
        if (file.Length > TlsLimits.PolicyOctetsMax)
        {
            fault = "the policy is too long";
            return false;
        }
        StsMode? mode = null;
        TimeSpan? age = null;
        var hosts = new List<string>();
        var versions = 0;
        var first = true;
        foreach (var range in file.Split((byte)'\n'))
        {
            var line = file[range].TrimEnd(" \t\r"u8);
            if (line.IsEmpty) continue;
            var colon = line.IndexOf((byte)':');
            var name = colon < 0 ? line : line[..colon].TrimEnd(" \t"u8);
            var value = Encoding.UTF8.GetString(colon < 0 ? default : line[(colon + 1)..].Trim(" \t"u8));
            if (first && !(name.SequenceEqual("version"u8) && value == "STSv1")) return Wrong(out fault, "the first line is not 'version: STSv1'");
            first = false;
            // Of a field that must be there once the first counts; what is not known is passed over.
            if (name.SequenceEqual("version"u8)) versions++;
            else if (name.SequenceEqual("mode"u8)) mode ??= ModeOf(value);
            else if (name.SequenceEqual("max_age"u8)) age ??= AgeOf(value);
            else if (!name.SequenceEqual("mx"u8)) continue;
            else if (hosts.Count == TlsLimits.PolicyHostsMax) return Wrong(out fault, $"the policy names more than {TlsLimits.PolicyHostsMax} hosts");
            else if (!TryHost(value, out var host)) return Wrong(out fault, "an mx is no host name");
            else hosts.Add(host);
            if (name.SequenceEqual("mode"u8) && mode is null) return Wrong(out fault, "the mode is not enforce, testing or none");
            if (name.SequenceEqual("max_age"u8) && age is null) return Wrong(out fault, "max_age is no number of seconds");
        }
        if (versions == 0) return Wrong(out fault, "the policy is empty");
        if (mode is not { } known) return Wrong(out fault, "the policy has no mode");
        if (age is not { } maxAge) return Wrong(out fault, "the policy has no max_age");
        if (hosts.Count == 0 && known != StsMode.None) return Wrong(out fault, "the policy names no mx");
        policy = new StsPolicy(known, hosts, maxAge);
        fault = null;
        return true;
    }

    /// <summary>Whether a pattern matches the exchange (RFC 8461 §4.1).</summary>
    public bool Names(string host)
    {
        var name = host.TrimEnd('.');
        foreach (var pattern in Hosts)
        {
            if (!pattern.StartsWith("*.", StringComparison.Ordinal))
            {
                if (name.Equals(pattern, StringComparison.OrdinalIgnoreCase)) return true;
                continue;
            }
            var dot = name.IndexOf('.', StringComparison.Ordinal);
            if (dot > 0 && name.AsSpan(dot).Equals(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    /// <summary>The lines of the file.</summary>
    public IReadOnlyList<string> Lines =>
    [
        "version: STSv1",
        "mode: " + Mode.ToString().ToLowerInvariant(),
        .. Hosts.Select(static host => "mx: " + host),
        string.Create(CultureInfo.InvariantCulture, $"max_age: {(long)MaxAge.TotalSeconds}"),
    ];

    /// <summary>As it is served: lines end with CRLF, which every reader takes.</summary>
    public override string ToString() => string.Join("\r\n", Lines) + "\r\n";

    private static StsMode? ModeOf(string value) => value switch
    {
        "enforce" => StsMode.Enforce,
        "testing" => StsMode.Testing,
        "none" => StsMode.None,
        _ => null,
    };

    private static TimeSpan? AgeOf(string value)
    {
        if (value.Length > AgeDigitsMax || !long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return null;
        var age = TimeSpan.FromSeconds(seconds);
        return age < TlsLimits.PolicyAgeMax ? age : TlsLimits.PolicyAgeMax;
    }

    private static bool TryHost(string value, out string host)
    {
        var prefix = value.StartsWith("*.", StringComparison.Ordinal) ? "*." : "";
        host = "";
        if (!Domain.TryParse(value.AsSpan(prefix.Length).TrimEnd('.'), out var domain)) return false;
        host = prefix + domain.Ascii;
        return true;
    }

    private static bool Wrong([NotNullWhen(false)] out string? fault, string what)
    {
        fault = what;
        return false;
    }
}
