global using System.Text.Json.Nodes;
global using Plumbline.Options;
global using Plumbline.Tests.Host.Fixtures;
