using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Posthorn.Bench;

/// <summary>JMAP over HTTP/2 and TLS on one account: what a webmail does when it opens, searches, follows and marks.</summary>
internal static class JmapBench
{
    private const int MessageSize = 4096;
    private const int Rounds = 200;
    private const string ListProperties =
        """["threadId","mailboxIds","keywords","from","to","subject","receivedAt","size","preview","hasAttachment"]""";

    public static void Measure(Run run)
    {
        var target = run.Targets.OfType<PosthornTarget>().FirstOrDefault() ?? throw new UsageException("jmap measures posthorn: --targets posthorn");
        target.Create(1);
        Filling.Fill(target, 0, "INBOX", run.Options.Messages, MessageSize);
        using (var client = new Client(target))
        {
            AwaitIndex(client, run.Options.Messages);
            FirstScreens(run, target, client);
            Searches(run, target, client);
            Changes(run, target, client);
            Flags(run, target, client);
        }
        Restarts(run, target);
        var memory = target.Processes.Memory();
        run.Write(new Figure("jmap_memory", target.Name, 1).Add("rss_mb", memory.ResidentKb / 1024.0));
        target.Stop();
    }

    private static void FirstScreens(Run run, Target target, Client client)
    {
        client.FirstScreen();
        run.Write(Timed("first_screen", target, run, Rounds, _ => client.FirstScreen()));
    }

    private static void Restarts(Run run, PosthornTarget target)
    {
        var times = new List<double>();
        for (int i = 0; i < 7; i++)
        {
            target.Stop();
            target.Start(null);
            using var client = new Client(target);
            client.Session();   // the log-in, and the connection with its TLS
            var started = Stopwatch.GetTimestamp();
            client.FirstScreen();
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        run.Write(Spread50("first_screen_after_restart", target, run, times));
    }

    private static void Searches(Run run, Target target, Client client)
    {
        int messages = run.Options.Messages;
        int hits = 0;
        run.Write(Timed("search_rare", target, run, 50, i => hits += client.Query($$"""{"text":"ticket{{i * 7919 % messages:d9}}"}"""))
            .Add("hits", hits));
        run.Write(Timed("search_common", target, run, 50, _ => hits = client.Query("""{"text":"ticket"}""")).Add("hits", hits));
    }

    private static void Changes(Run run, Target target, Client client)
    {
        var times = new List<double>();
        for (int i = 0; i < 50; i++)
        {
            var state = client.State();
            Filling.Fill(target, 0, "INBOX", 1, MessageSize);
            var started = Stopwatch.GetTimestamp();
            client.Call("Email/changes", $$"""{"accountId":"{{client.Account}}","sinceState":"{{state}}"}""");
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        run.Write(Spread50("changes_after_delivery", target, run, times));
    }

    private static void Flags(Run run, Target target, Client client)
    {
        var ids = client.Ids(1000);
        run.Write(Timed("set_1000_flags", target, run, 20, i =>
        {
            var updates = string.Join(
                ',', ids.Select(id => $$"""{{JsonSerializer.Serialize(id)}}:{"keywords/$flagged":{{(i % 2 == 0 ? "true" : "null")}} }"""));
            client.Call("Email/set", "{\"accountId\":\"" + client.Account + "\",\"update\":{" + updates + "}}");
        }));
    }

    // What is not indexed yet is read by every search: the index is behind for a while after so many arrivals.
    private static void AwaitIndex(Client client, int messages)
    {
        for (int i = 0; i < 300; i++)
        {
            var started = Stopwatch.GetTimestamp();
            client.Query($$"""{"text":"ticket{{messages - 1:d9}}"}""");
            if (Stopwatch.GetElapsedTime(started).TotalMilliseconds < 100)
                return;
            Thread.Sleep(1000);
        }
    }

    private static Figure Timed(string test, Target target, Run run, int count, Action<int> action)
    {
        var times = new List<double>();
        for (int i = 0; i < count; i++)
        {
            var started = Stopwatch.GetTimestamp();
            action(i);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        return Spread50(test, target, run, times);
    }

    private static Figure Spread50(string test, Target target, Run run, List<double> times) =>
        new Figure(test, target.Name, 1).Add("messages", run.Options.Messages).Add("p50_ms", Spread.Percentile(times, 0.5))
            .Add("p95_ms", Spread.Percentile(times, 0.95)).Add("max_ms", times.Max());

    private sealed class Client : IDisposable
    {
        private readonly HttpClient _http;
        private readonly Uri _api;
        private readonly Uri _session;
        private string _inbox = "";

        public Client(PosthornTarget target)
        {
            // The certificate is one that the server has made for itself.
            _http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } })
            {
                DefaultRequestVersion = HttpVersion.Version20,
                DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Timeout = TimeSpan.FromMinutes(5),
            };
            var secret = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{target.Account(0)}:{Target.Password}"));
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", secret);
            (_api, _session) = (
                new Uri($"https://127.0.0.1:{target.HttpsPort}/jmap"),
                new Uri($"https://127.0.0.1:{target.HttpsPort}/.well-known/jmap"));
            AwaitSession();
        }

        public string Account { get; private set; } = "";

        public void Dispose() => _http.Dispose();

        public void Session()
        {
            using var session = JsonDocument.Parse(_http.GetStringAsync(_session).GetAwaiter().GetResult());
            Account = session.RootElement.GetProperty("primaryAccounts").GetProperty("urn:ietf:params:jmap:mail").GetString()!;
        }

        // The port of HTTPS opens last.
        private void AwaitSession()
        {
            for (int i = 0; ; i++)
            {
                try
                {
                    Session();
                    return;
                }
                catch (HttpRequestException) when (i < 100)
                {
                    Thread.Sleep(20);
                }
            }
        }

        public void FirstScreen()
        {
            if (_inbox.Length == 0)
                _inbox = $"F{Account[1..]}-1";
            Send($$"""
                ["Mailbox/get",{"accountId":"{{Account}}","ids":null},"0"],
                ["Email/query",{"accountId":"{{Account}}","filter":{"inMailbox":"{{_inbox}}"},"collapseThreads":true,"limit":50,
                 "sort":[{"property":"receivedAt","isAscending":false}]},"1"],
                ["Email/get",{"accountId":"{{Account}}","#ids":{"resultOf":"1","name":"Email/query","path":"/ids"},
                 "properties":{{ListProperties}} },"2"]
                """);
        }

        /// <summary>How many ids were answered.</summary>
        public int Query(string filter)
        {
            using var got = JsonDocument.Parse(Call("Email/query", $$"""{"accountId":"{{Account}}","filter":{{filter}},"limit":50}"""));
            return got.RootElement.GetProperty("methodResponses")[0][1].GetProperty("ids").GetArrayLength();
        }

        public string State()
        {
            using var got = JsonDocument.Parse(Call("Email/get", $$"""{"accountId":"{{Account}}","ids":[]}"""));
            return got.RootElement.GetProperty("methodResponses")[0][1].GetProperty("state").GetString()!;
        }

        public List<string> Ids(int count)
        {
            using var got = JsonDocument.Parse(Call("Email/query", $$"""{"accountId":"{{Account}}","limit":{{count}} }"""));
            return [.. got.RootElement.GetProperty("methodResponses")[0][1].GetProperty("ids").EnumerateArray().Select(id => id.GetString()!)];
        }

        public string Call(string method, string arguments) => Send($"[\"{method}\",{arguments},\"0\"]");

        private string Send(string calls) => SendAsync(calls).GetAwaiter().GetResult();

        private async Task<string> SendAsync(string calls)
        {
            using var content = new StringContent(
                """{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[""" + calls + "]}",
                Encoding.UTF8, "application/json");
            using var response = await _http.PostAsync(_api, content);
            var text = await response.Content.ReadAsStringAsync();
            if (!response.IsSuccessStatusCode || text.Contains("[\"error\"", StringComparison.Ordinal))
                throw new IOException($"posthorn: {text[..Math.Min(text.Length, 300)]}");
            return text;
        }
    }
}
