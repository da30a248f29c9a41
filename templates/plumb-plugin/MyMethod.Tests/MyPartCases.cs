using Plumbline.Testing;

namespace MyMethod.Tests;

/// <summary>The method against its reference cases, vectors/my-method.json: outputs, gradients, refusals.</summary>
public sealed class MyPartCases : ReferenceCases<MyPart>;
