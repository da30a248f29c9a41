using Plumbline.Training.Search;

namespace Plumbline.Tests.Search;

[Search("greedy-steps")]
public sealed class GreedySteps : LockstepSearch
{
    protected override IEnumerable<Wait> Begin(Run run)
    {
        var node = run.Tree[0];
        while (!node.State!.Terminal)
        {
            var wait = new Wait([new Expansion(node.State, 1, run.Draws.Key(node.Index)) { Proposal = Proposal.Likeliest }]);
            yield return wait;
            node = run.Tree.Add(node.Index, wait.Children[0][0]);
        }

        run.Paths = [run.Tree.PathTo(node.Index)];
    }
}
