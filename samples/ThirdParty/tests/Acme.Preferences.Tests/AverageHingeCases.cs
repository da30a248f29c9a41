using Plumbline.Testing;

namespace Acme.Preferences.Tests;

/// <summary>The hinge against the cases of vectors/acme-hinge.json: outputs, gradients, refusals.</summary>
public sealed class AverageHingeCases : ReferenceCases<AverageHinge>;
