// Most of these tests start processes that compute: more at a time than cores would only make each slower.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]
