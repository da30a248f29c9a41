global using Device = TorchSharp.torch.Device;
global using ScalarType = TorchSharp.torch.ScalarType;
