using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Posthorn.Admin;

namespace Posthorn.Server;

/// <summary>Has the running server read everything back. Findings are its output, progress goes to stderr.</summary>
internal static class VerifyCommand
{
    public static Command Create(RemoteOptions remote) => remote.Runs(
        remote.Group("verify", "Reads everything back: counters against rows, rows against blobs, blobs against their hashes."), RunAsync);

    private static async Task<int> RunAsync(RemoteCall call)
    {
        var progress = new Progress(call.Error, !Console.IsErrorRedirected);
        var findings = new List<string>();
        VerifySummary? summary = null;
        await foreach (var line in call.Api.LinesAsync(HttpMethod.Post, "verify", AdminJson.Default.VerifyLine, call.Ct))
        {
            switch (line.Kind)
            {
                case VerifyLineKind.Progress:
                    progress.Tell(line);
                    break;
                case VerifyLineKind.Finding:
                    progress.Clear();
                    findings.Add(line.Text!);
                    if (!call.Json) call.Say(line.Text!);
                    break;
                case VerifyLineKind.Done:
                    summary = line.Summary;
                    break;
                default:
                    progress.Clear();
                    throw new CommandFailedException(line.Text ?? "the verification failed");
            }
        }
        progress.Clear();
        if (summary is null) throw new CommandFailedException("the server ended before it was done");
        if (call.Json) call.PrintJson(writer => Write(writer, summary, findings));
        else
        {
            call.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"Read {summary.Accounts} accounts, {summary.Mailboxes} mailboxes, {summary.Emails} messages, {summary.Blobs} blobs."));
        }
        if (findings.Count > 0) throw new CommandFailedException(findings.Count == 1 ? "1 finding" : Text.Of(findings.Count) + " findings");
        return ExitStatus.Done;
    }

    private static void Write(Utf8JsonWriter writer, VerifySummary summary, List<string> findings)
    {
        writer.WriteStartObject();
        writer.WriteNumber("accounts", summary.Accounts);
        writer.WriteNumber("mailboxes", summary.Mailboxes);
        writer.WriteNumber("emails", summary.Emails);
        writer.WriteNumber("blobs", summary.Blobs);
        writer.WriteStartArray("findings");
        foreach (var finding in findings) writer.WriteStringValue(finding);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    // On a terminal one line that changes; elsewhere a line for each step.
    private sealed class Progress(TextWriter error, bool terminal)
    {
        private string? _step;
        private int _width;

        public void Tell(VerifyLine line)
        {
            if (!terminal)
            {
                if (line.Step != _step) error.WriteLine($"reading {line.Step}");
                _step = line.Step;
                return;
            }
            var text = line is { Done: { } done, Total: { } total }
                ? string.Create(CultureInfo.InvariantCulture, $"reading {line.Step}: {done} of {total} ({(total == 0 ? 100 : done * 100 / total)} %)")
                : $"reading {line.Step}";
            error.Write("\r" + text.PadRight(_width));
            _width = text.Length;
        }

        public void Clear()
        {
            if (_width > 0) error.Write("\r" + new string(' ', _width) + "\r");
            _width = 0;
        }
    }
}
