using Posthorn.Core;

namespace Posthorn.Admin;

public sealed record ServerView(string Hostname, string Version, IReadOnlyList<ClientService> Services);
