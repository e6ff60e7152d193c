using System.Collections.Frozen;
using System.Text.Encodings.Web;
using System.Text.Json;
using Posthorn.Core;

namespace Posthorn.Jmap;

/// <summary>Runs the calls of a request one after the other (RFC 8620 §3.10) and writes the response object.</summary>
internal static class Dispatcher
{
    private static readonly JsonWriterOptions Options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly FrozenDictionary<string, Method> Table = Methods.All.ToFrozenDictionary(m => m.Name, StringComparer.Ordinal);

    private static readonly FrozenSet<string> Known = Session.Capabilities.ToFrozenSet(StringComparer.Ordinal);

    /// <exception cref="RequestErrorException">The request as a whole is refused.</exception>
    public static async ValueTask RunAsync(RequestScope scope, RequestReader request, ResponseBuffer output)
    {
        foreach (var capability in request.Using)
        {
            if (!Known.Contains(capability)) throw new RequestErrorException("unknownCapability", "using names a capability that is not known here");
        }
        foreach (var (creation, id) in request.CreatedIds ?? []) scope.CreatedIds[creation] = id;
        using var json = new Utf8JsonWriter(output, Options);
        using var references = new ResultReferences(output);
        output.Append("{\"methodResponses\":["u8);
        var isFirst = true;
        foreach (var written in request.Calls)
        {
            scope.Cancellation.ThrowIfCancellationRequested();
            await RunAsync(scope, request, written, output, json, references, isFirst);
            isFirst = false;
        }
        output.Append("]"u8);
        if (request.CreatedIds is not null) WriteCreatedIds(scope, output, json);
        output.Append(",\"sessionState\":"u8);
        WriteState(scope, output, json);
        output.Append("}"u8);
    }

    private static async ValueTask RunAsync(
        RequestScope scope, RequestReader request, WrittenCall written, ResponseBuffer output, Utf8JsonWriter json,
        ResultReferences references, bool isFirst)
    {
        Arguments arguments;
        var line = new AnswerLine(output, json, references, written.CallId);
        try
        {
            arguments = references.Resolve(written.Arguments);
        }
        catch (MethodErrorException refused)
        {
            line.Error(refused.Error, refused.Description, isFirst);
            return;
        }
        var todo = new Queue<(string Method, Arguments Arguments)>([(written.Method, arguments)]);
        while (todo.TryDequeue(out var next))
        {
            if (!Table.TryGetValue(next.Method, out var method) || !request.Using.Contains(method.Capability))
            {
                line.Error("unknownMethod", null, isFirst);
                Meters.Called("unknown", "unknownMethod");
                return;
            }
            var call = new MethodCall(scope, next.Arguments, written.CallId, json);
            if (await RunOneAsync(method, call, line, isFirst)) call.FollowUps.ForEach(todo.Enqueue);
            isFirst = false;
        }
    }

    private static async ValueTask<bool> RunOneAsync(Method method, MethodCall call, AnswerLine line, bool isFirst)
    {
        try
        {
            line.Begin(method.Name, isFirst);
            await method.Run(call);
            line.End(method.Name);
            Meters.Called(method.Name, "ok");
            return true;
        }
        catch (MethodErrorException refused)
        {
            line.Error(refused.Error, refused.Description, isFirst);
            Meters.Called(method.Name, refused.Error);
        }
        catch (RefusalException refused)
        {
            var error = Replies.MethodError(refused.Refusal);
            line.Error(error.Type, error.Description, isFirst);
            Meters.Called(method.Name, error.Type);
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !call.Cancellation.IsCancellationRequested)
        {
            var unavailable = call.Scope.Parts.IsUnavailable(failure);
            Log.MethodFailed(call.Scope.Log, failure, method.Name, call.Scope.Identity.Login);
            line.Error(unavailable ? "serverUnavailable" : "serverFail", unavailable ? "try again later" : null, isFirst);
            Meters.Called(method.Name, unavailable ? "serverUnavailable" : "serverFail");
        }
        return false;
    }

    private static void WriteState(RequestScope scope, ResponseBuffer output, Utf8JsonWriter json)
    {
        json.Reset(output);
        json.WriteStringValue(Session.StateOf(scope.Identity));
        json.Flush();
    }

    private static void WriteCreatedIds(RequestScope scope, ResponseBuffer output, Utf8JsonWriter json)
    {
        output.Append(",\"createdIds\":"u8);
        json.Reset(output);
        json.WriteStartObject();
        foreach (var (creation, id) in scope.CreatedIds) json.WriteString(creation, id);
        json.WriteEndObject();
        json.Flush();
    }

    /// <summary>One entry of methodResponses, which an error takes back.</summary>
    private sealed class AnswerLine(ResponseBuffer output, Utf8JsonWriter json, ResultReferences references, string callId)
    {
        private int _mark = -1;
        private int _start;

        public void Begin(string name, bool isFirst)
        {
            _mark = output.Length;
            output.Append(isFirst ? "["u8 : ",["u8);
            json.Reset(output);
            json.WriteStringValue(name);
            json.Flush();
            output.Append(","u8);
            _start = output.Length;
            json.Reset(output);
        }

        public void End(string name)
        {
            json.Flush();
            references.Add(name, callId, _start, output.Length - _start);
            output.Append(","u8);
            json.Reset(output);
            json.WriteStringValue(callId);
            json.Flush();
            output.Append("]"u8);
        }

        public void Error(string type, string? description, bool isFirst)
        {
            if (_mark >= 0)
            {
                json.Reset();
                output.Truncate(_mark);
            }
            Begin("error", isFirst);
            json.WriteStartObject();
            json.WriteString("type"u8, type);
            if (description is not null) json.WriteString("description"u8, description);
            json.WriteEndObject();
            End("error");
            _mark = -1;
        }
    }
}
