using Posthorn.Server;

return await PosthornCommand.RunAsync(args, Console.Out, Console.Error);
