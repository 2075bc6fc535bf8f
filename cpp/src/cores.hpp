/// Which cores the threads of a team run on.
#pragma once

#include <array>
#include <atomic>

namespace matfact {

/// Keeps the threads of a team apart. A scheduler may let a thread wake up on the core of the one that called it,
/// though another is idle: Linux as a guest of KVM takes a halted core for one that the host has taken away. Until it
/// balances its load, tens of milliseconds later, the two take turns.
class Cores {
public:
    /// For each thread of the team: moves it to another core that it may run on if one of the team has the same.
    void take();

private:
    std::array<std::atomic<bool>, 1024> is_taken_{};
};

} // namespace matfact
