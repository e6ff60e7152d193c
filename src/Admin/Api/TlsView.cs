using System.Text.Json.Serialization;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <param name="Requirement">none, may, encrypt, verify or dane-only.</param>
public sealed record TlsOverrideView(string Domain, TlsRequirement Requirement);

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TlsOverrideBody(TlsRequirement Requirement);

/// <summary>The MTA-STS policy that this server publishes for a domain.</summary>
/// <param name="Record">The value of the TXT record at _mta-sts.</param>
/// <param name="Policy">The file at https://mta-sts.DOMAIN/.well-known/mta-sts.txt.</param>
public sealed record StsView(string Domain, StsMode Mode, string Record, string Policy);

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record StsBody(StsMode Mode);
