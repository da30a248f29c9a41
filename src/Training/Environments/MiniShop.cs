using System.Globalization;

namespace Plumbline.Training.Environments;

/// <summary>Options of <c>mini-shop</c>.</summary>
public sealed record MiniShopOptions
{
    /// <summary>Steps after which an episode is cut.</summary>
    [Positive]
    public int MaxSteps { get; init; } = 8;
}

/// <summary>A small web shop: search, open a product, choose colour and size, buy; the score is the share of wishes fulfilled.</summary>
/// <remarks>Twelve products of four types and three brands, each in two of three colours.</remarks>
[Environment("mini-shop")]
public sealed class MiniShop(MiniShopOptions options) : ITextEnvironment
{
    private static readonly string[] Types = ["mug", "lamp", "shirt", "chair"];
    private static readonly string[] Brands = ["acme", "bolt", "cora"];
    private static readonly string[] Colors = ["red", "blue", "green"];
    private static readonly string[] Sizes = ["small", "large"];
    private static readonly Product[] Products = [.. Enumerable.Range(0, Types.Length * Brands.Length).Select(Make)];

    /// <inheritdoc/>
    public IEpisode Reset(long seed) => new Visit(seed, options.MaxSteps);

    /// <summary>What actions lead to.</summary>
    /// <param name="seed">The task.</param>
    /// <param name="actions">Taken one after the other.</param>
    /// <param name="options">The limit of steps.</param>
    [Target("gigpo/env_shop")]
    public static EpisodeTrace Trace(long seed, IReadOnlyList<string> actions, MiniShopOptions options) => new EpisodeHarness(new MiniShop(options)).Trace(seed, actions);

    private static Product Make(int p)
    {
        var type = Types[p % Types.Length];
        return new(type, $"{Brands[p / Types.Length]} {type}", 10 + (5 * (7 * p % 8)), [.. Colors.Where((_, color) => color != p % Colors.Length)]);
    }

    private sealed record Product(string Type, string Name, int Price, string[] Colors);

    private sealed record Wish(string Type, string Color, string Size, int Limit);

    /// <summary>Where the shopper is; neither results nor a product is home.</summary>
    private sealed record Page(string? Results = null, Product? Item = null, string? Color = null, string? Size = null, bool Bought = false);

    private sealed class Visit : TextEpisode
    {
        private readonly Wish _wish;
        private Page _page = new();

        internal Visit(long seed, int maxSteps)
            : base(maxSteps)
        {
            var draws = new SplitMix64(seed);
            var product = draws.Pick(Products);
            var (color, size) = (draws.Pick(product.Colors), draws.Pick(Sizes));
            _wish = new Wish(product.Type, color, size, product.Price + (5 * draws.Pick(2)));
        }

        public override string ExpertAction => _page switch
        {
            { Item: { } item } => item != Wanted ? "back" : _page.Color != _wish.Color ? $"color[{_wish.Color}]" : _page.Size != _wish.Size ? $"size[{_wish.Size}]" : "buy",
            { Results: { } type } => type == _wish.Type ? $"open[{Wanted.Name}]" : "back",
            _ => $"search[{_wish.Type}]",
        };

        protected override string StateKey => Text;

        protected override string Text => $"Buy a {_wish.Size} {_wish.Color} {_wish.Type} for at most {_wish.Limit} dollars.\n" + _page switch
        {
            { Bought: true } page => string.Create(CultureInfo.InvariantCulture, $"You bought the {page.Item!.Name} ({page.Color ?? "none"}, {page.Size ?? "none"}). Score {Score:0.00}."),
            { Item: { } item } page => $"{item.Name}, {item.Price} dollars. Colors: {string.Join(", ", item.Colors)}. Sizes: {string.Join(", ", Sizes)}. Chosen: color {page.Color ?? "none"}, size {page.Size ?? "none"}.",
            { Results: { } type } => $"Results for {type}: {string.Join("; ", Of(type).Select(product => $"{product.Name} {product.Price} dollars"))}.",
            _ => "Home. Search for a product.",
        };

        protected override IReadOnlyList<string> Legal => _page switch
        {
            { Item: { } item } => [.. item.Colors.Select(color => $"color[{color}]"), .. Sizes.Select(size => $"size[{size}]"), "buy", "back"],
            { Results: { } type } => [.. Of(type).Select(product => $"open[{product.Name}]"), "back"],
            _ => [.. Types.Select(type => $"search[{type}]")],
        };

        private Product Wanted => Of(_wish.Type).First(product => product.Colors.Contains(_wish.Color) && product.Price <= _wish.Limit);

        private double Score => _page.Item!.Type != _wish.Type ? 0
            : ((_page.Color == _wish.Color ? 1 : 0) + (_page.Size == _wish.Size ? 1 : 0) + (_page.Item.Price <= _wish.Limit ? 1 : 0)) / 3.0;

        protected override string? Valid(string action) =>
            _page == new Page() && action.StartsWith("search[", StringComparison.Ordinal) && action.EndsWith(']')
                ? Types.FirstOrDefault(Argument(action).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Contains) is { } type ? $"search[{type}]" : null
                : base.Valid(action);

        protected override Effect Act(string action)
        {
            _page = action.Split('[')[0] switch
            {
                "search" => new Page(Results: Argument(action)),
                "open" => _page with { Item = Products.First(product => product.Name == Argument(action)) },
                "color" => _page with { Color = Argument(action) },
                "size" => _page with { Size = Argument(action) },
                "buy" => _page with { Bought = true },
                _ => _page.Item is null ? new Page() : new Page(Results: _page.Results),
            };
            return _page.Bought ? new(Score, true, Score == 1) : default;
        }

        private static IEnumerable<Product> Of(string type) => Products.Where(product => product.Type == type);

        private static string Argument(string action) => action[(action.IndexOf('[', StringComparison.Ordinal) + 1)..^1];
    }
}
