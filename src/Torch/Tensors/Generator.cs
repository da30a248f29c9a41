using TorchSharp.Dispatch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Seeds the default generators of every device.</summary>
    public static Generator manual_seed(long seed)
    {
        Native.Check(Native.plumb_manual_seed(seed), "manual_seed");
        return Generator.Default;
    }

    public static int get_num_threads() => Native.plumb_get_threads();

    public static void set_num_threads(int num) => Native.plumb_set_threads(num);

    public static class random
    {
        public static Generator manual_seed(long seed) => torch.manual_seed(seed);

        public static Tensor get_rng_state() => Generator.Default.get_state();

        public static void set_rng_state(Tensor new_state) => Generator.Default.set_state(new_state);
    }

    public static class cuda
    {
        public static bool is_available() => Native.plumb_cuda_devices() > 0;

        public static int device_count() => Native.plumb_cuda_devices();

        public static void synchronize(Device? device = null) => Native.Check(Native.plumb_cuda_synchronize(device?.index ?? -1), "cuda.synchronize");
    }

    /// <summary>A source of random numbers with a state of its own.</summary>
    public class Generator : IDisposable
    {
        private IntPtr _handle;

        public unsafe Generator(ulong seed = 0, Device? device = null)
        {
            this.device = device ?? CPU;
            IntPtr handle;
            Native.Check(Native.plumb_generator_new((int)this.device.type, this.device.index, (long)seed, &handle), "Generator");
            _handle = handle;
        }

        private Generator(IntPtr handle) => (_handle, device) = (handle, CPU);

        ~Generator() => Dispose(false);

        public static unsafe Generator Default
        {
            get
            {
                IntPtr handle;
                Native.Check(Native.plumb_generator_default((int)DeviceType.CPU, -1, &handle), "Generator");
                return new Generator(handle);
            }
        }

        public Device device { get; }

        internal IntPtr Handle => _handle != IntPtr.Zero ? _handle : throw new ObjectDisposedException(nameof(Generator));

        public Generator manual_seed(long seed)
        {
            Native.Check(Native.plumb_generator_seed(Handle, seed), "manual_seed");
            GC.KeepAlive(this);
            return this;
        }

        public long initial_seed() => Native.plumb_generator_initial_seed(Handle);

        public unsafe Tensor get_state()
        {
            IntPtr state;
            Native.Check(Native.plumb_generator_get_state(Handle, &state), "get_state");
            GC.KeepAlive(this);
            return Tensor.Own(state);
        }

        public void set_state(Tensor value)
        {
            ArgumentNullException.ThrowIfNull(value);
            Native.Check(Native.plumb_generator_set_state(Handle, value.Handle), "set_state");
            GC.KeepAlive(this);
            GC.KeepAlive(value);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing) => Free();

        private void Free()
        {
            var handle = Interlocked.Exchange(ref _handle, IntPtr.Zero);
            if (handle != IntPtr.Zero)
            {
                Native.plumb_generator_free(handle);
            }
        }
    }
}
