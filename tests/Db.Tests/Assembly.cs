using Xunit;

// The crash points and FatalStorage have one hook for the process.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
