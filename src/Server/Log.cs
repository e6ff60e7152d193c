using Microsoft.Extensions.Logging;

namespace Posthorn.Server;

internal static partial class Log
{
    [LoggerMessage(10001, LogLevel.Information, "Posthorn {Version} for {Hostname}, data in {Data}, serves {Services}")]
    public static partial void Serving(ILogger log, string version, string hostname, string data, string services);

    [LoggerMessage(10002, LogLevel.Information, "Stopping: no new connections; commands under way may finish")]
    public static partial void Stopping(ILogger log);

    [LoggerMessage(10003, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger log);

    [LoggerMessage(10004, LogLevel.Information, "A certificate for {Hostname} was made and signed by itself, valid until {Until}")]
    public static partial void CertificateMade(ILogger log, string hostname, DateTimeOffset until);

    [LoggerMessage(10005, LogLevel.Information, "The certificate in {File} is in use, valid until {Until}")]
    public static partial void CertificateRead(ILogger log, string file, DateTimeOffset until);

    [LoggerMessage(10006, LogLevel.Error, "The new certificate cannot be used, the old one stays: {Reason}")]
    public static partial void CertificateRefused(ILogger log, string reason);

    [LoggerMessage(10007, LogLevel.Warning, "The certificate in {File} is valid until {Until} only")]
    public static partial void CertificateEnds(ILogger log, string file, DateTimeOffset until);

    [LoggerMessage(10008, LogLevel.Error, "The chore {Chore} failed; it is tried again in {Every}")]
    public static partial void ChoreFailed(ILogger log, Exception error, string chore, TimeSpan every);

    [LoggerMessage(10009, LogLevel.Warning, "{Address} finds no place at {Service}: too many connections")]
    public static partial void NoPlace(ILogger log, string service, System.Net.IPAddress address);

    [LoggerMessage(10010, LogLevel.Error, "The work {Work} has ended; it begins again with the next start")]
    public static partial void WorkEnded(ILogger log, Exception error, string work);
}
