// Each test loads the machine as far as it goes; two at once would measure each other's patience.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
