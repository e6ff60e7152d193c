using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Posthorn.Admin;

/// <summary>Everything that the server says over HTTP about itself.</summary>
public static class AdminHost
{
    /// <summary>Answers what no other part of the application has answered, so it is mapped last.</summary>
    public static void Map(WebApplication app, AdminParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        app.Use(next => context => context.GetEndpoint() is null ? ServeAsync(context) : next(context));
    }

    private static Task ServeAsync(HttpContext context)
    {
        context.Response.StatusCode = context.Request.Path == "/healthz" ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
