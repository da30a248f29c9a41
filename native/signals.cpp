// The .NET runtime takes the first SIGSEGV or SIGABRT that another process sends for a fault of its own, finds none, and goes on.
// A worker that is told to die should die: signals from outside get the system's default, faults still go to the runtime.
#include "plumb.h"

#include <csignal>

namespace {

constexpr int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
struct sigaction before[NSIG];

void handle_signal(int signal, siginfo_t* info, void* context) {
    // Not positive: sent by kill, tgkill or sigqueue, this process's own abort included.
    if (info->si_code <= 0) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
        return;
    }
    auto& runtime = before[signal];
    if (runtime.sa_flags & SA_SIGINFO) {
        runtime.sa_sigaction(signal, info, context);
    } else if (runtime.sa_handler == SIG_DFL) {
        std::signal(signal, SIG_DFL);
    } else if (runtime.sa_handler != SIG_IGN) {
        runtime.sa_handler(signal);
    }
}

}  // namespace

// For a process that somebody watches. Calling it again changes nothing.
PLUMB_API void plumb_die_when_told() {
    static bool done = false;
    if (done) return;
    done = true;
    for (int signal : caught) {
        struct sigaction now {};
        sigaction(signal, nullptr, &before[signal]);
        now.sa_sigaction = handle_signal;
        // The runtime handles stack overflow on an alternate stack.
        now.sa_flags = SA_SIGINFO | SA_ONSTACK | (before[signal].sa_flags & SA_NODEFER);
        now.sa_mask = before[signal].sa_mask;
        sigaction(signal, &now, nullptr);
    }
}
