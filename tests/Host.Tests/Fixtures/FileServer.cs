using System.Net;
using System.Net.Sockets;

namespace Plumbline.Tests.Host.Fixtures;

/// <summary>A folder's files over HTTP, on this machine alone.</summary>
internal sealed class FileServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly string _folder;

    /// <summary>Serves a folder from now on.</summary>
    internal FileServer(string folder)
    {
        _folder = folder;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Address = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/";
        }

        _listener.Prefixes.Add(Address);
        _listener.Start();
        _ = ServeAsync();
    }

    /// <summary>Where it is, with a slash at the end.</summary>
    internal string Address { get; }

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext request;
            try
            {
                request = await _listener.GetContextAsync();
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            var path = Path.Combine(_folder, request.Request.Url!.AbsolutePath.TrimStart('/'));
            request.Response.StatusCode = File.Exists(path) ? 200 : 404;
            if (File.Exists(path))
            {
                await request.Response.OutputStream.WriteAsync(await File.ReadAllBytesAsync(path));
            }

            request.Response.Close();
        }
    }
}
