namespace Posthorn.Jmap;

/// <summary>Core/echo (RFC 8620 §4): the arguments come back.</summary>
internal static class CoreEcho
{
    public static ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.WriteTo(call.Json);
        return ValueTask.CompletedTask;
    }
}
