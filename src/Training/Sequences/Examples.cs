using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Rows of data on their way into a loop.</summary>
internal static class Examples
{
    /// <summary>The rows after each transform in turn.</summary>
    /// <exception cref="PlumblineException">A transform gave two rows one index: chance is keyed by it.</exception>
    internal static IReadOnlyList<Example> Transformed(IReadOnlyList<Example> rows, IReadOnlyList<Part<ITransform>> transforms, StageContext stage, CancellationToken cancel)
    {
        for (var i = 0; i < transforms.Count; i++)
        {
            stage.Recorder.InHand(Kinds.Transform + " " + transforms[i].Id, "transforming");
            rows = transforms[i].Create(stage.Services).Apply(rows, stage.Draws.Key("transform").Key(i), cancel);
            if (rows.GroupBy(row => row.Index).FirstOrDefault(same => same.Skip(1).Any()) is { } twice)
            {
                throw new PlumblineException($"transform '{transforms[i].Id}' gave two rows the index {twice.Key}; an index must be unique, for chance is keyed by it. Its author must number the rows anew");
            }
        }

        return rows;
    }

    /// <summary>Adds the columns that an objective declares to a batch: [B] each, or [B,S] with a mask for a list.</summary>
    /// <exception cref="PlumblineException">A row lacks a number; the message names row and column.</exception>
    internal static void AddTo(Batch batch, IReadOnlyList<Example> rows, IReadOnlyList<Column> columns, Device device, ScalarType dtype)
    {
        foreach (var column in columns)
        {
            if (column.Optional && rows.All(row => row.Columns[column.Name] is null))
            {
                continue;
            }

            if (column.List)
            {
                AddLists(batch, rows, column, device, dtype);
                continue;
            }

            double[] values = [.. rows.Select(row => row.FindNumber(column.Name) ?? throw Missing(row, column, "number"))];
            batch.With(column.Name, column.Integer ? tensor(values.Select(value => (long)value).ToArray(), device: device) : tensor(values, device: device).to_type(dtype));
        }
    }

    private static void AddLists(Batch batch, IReadOnlyList<Example> rows, Column column, Device device, ScalarType dtype)
    {
        double[][] lists = [.. rows.Select(row => row.Columns[column.Name] is JsonArray list && list.All(item => Example.AsNumber(item) is not null)
            ? list.Select(item => Example.AsNumber(item)!.Value).ToArray() : throw Missing(row, column, "list of numbers"))];
        var width = Math.Max(1, lists.Max(list => list.Length));
        var (values, mask) = (new double[rows.Count * width], new double[rows.Count * width]);
        for (var i = 0; i < lists.Length; i++)
        {
            lists[i].CopyTo(values, i * width);
            Array.Fill(mask, 1, i * width, lists[i].Length);
        }

        var whole = tensor(values, [rows.Count, width], device: device);
        batch.With(column.Name, whole.to_type(column.Integer ? ScalarType.Int64 : dtype)).With(column.Name + "_mask", tensor(mask, [rows.Count, width], device: device).to_type(dtype));
    }

    private static PlumblineException Missing(Example row, Column column, string what) => new(
        $"row {row.Index} of the data has no {what} '{column.Name}', and the objective reads one; it has {string.Join(", ", row.Columns.Select(pair => pair.Key))}");
}
