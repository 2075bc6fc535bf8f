/// Threads: how many, and who decides.
#pragma once

namespace matfact {

/// Threads a call uses when its num_threads is 0: set_num_threads, else OMP_NUM_THREADS, CPU affinity and cgroup quota.
int get_num_threads();

/// Sets the process default; 0 goes back to the environment's. Throws std::invalid_argument if negative.
void set_num_threads(int n);

/// Whether this build has OpenMP.
bool has_openmp();

} // namespace matfact
